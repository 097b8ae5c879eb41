"""The only place that builds a URL. Each is made of checked parts, and compared as prepared before it may be sent.

Source: API reference, "Deleting a VBS Backup (Native OpenStack API)" and "Querying Details About VBS Backups".
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

import requests
from requests.structures import CaseInsensitiveDict

from vbs_reaper.openstack.backup import BackupId
from vbs_reaper.openstack.endpoint import is_project_id
from vbs_reaper.openstack.identity.login import USER_AGENT
from vbs_reaper.openstack.identity.login import Login

PAGE_SIZE: Final = 1000
"""What both services cut a page to."""

MICROVERSION: Final = "volume 3.43"
"""Metadata, which may hold a backup, is shown from here on."""

_ID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)


class NotSendable(ValueError):
    """The request would not be exactly what it must be: nothing is sent. The message quotes no more than printable."""


def show_request(login: Login, backup_id: BackupId) -> requests.PreparedRequest:
    """A look at one backup.

    Raises:
        NotSendable: a part is not what it must be.
    """
    return _prepare("GET", f"{_backups_url(login)}/{_checked(backup_id)}", _looking(login))


def delete_request(login: Login, backup_id: BackupId) -> requests.PreparedRequest:
    """The deletion of one backup.

    Raises:
        NotSendable: a part is not what it must be.
    """
    return _prepare("DELETE", f"{_backups_url(login)}/{_checked(backup_id)}", _headers(login) | {"Content-Length": "0"})


def list_request(login: Login, *, marker: str | None, volume_id: str | None) -> requests.PreparedRequest:
    """A page of backups, all or those of a volume: the first, or what follows the backup `marker`.

    Raises:
        NotSendable: a part is not what it must be.
    """
    url = f"{_backups_url(login)}/detail?limit={PAGE_SIZE}"
    if volume_id is not None:
        url += f"&volume_id={_checked(volume_id)}"
    if marker is not None:
        url += f"&marker={_checked(marker)}"
    return _prepare("GET", url, _looking(login))


def _backups_url(login: Login) -> str:
    if not is_project_id(login.project_id):
        raise NotSendable("the project is not 32 lower-case hexadecimal digits")
    return _unchanged(f"{login.root}/{login.api_version}/{login.project_id}/backups")


@lru_cache(maxsize=64)
def _unchanged(url: str) -> str:
    """The address, if requests would send it as it is; asked once, as what is put behind it are checked ids."""
    request = requests.PreparedRequest()
    try:
        request.prepare_url(url, None)
    except requests.RequestException:
        request.url = None
    if request.url != url:
        raise NotSendable("the address would change on its way")
    return url


def _checked(uuid: str) -> str:
    if not _ID.fullmatch(uuid):
        raise NotSendable("an id is no lower-case canonical UUID")
    return uuid


def _headers(login: Login) -> dict[str, str]:
    return {
        "User-Agent": USER_AGENT,
        "Accept": "application/json",
        "Accept-Encoding": "identity",
        "X-Auth-Token": login.token.reveal(),
    }


def _looking(login: Login) -> dict[str, str]:
    return _headers(login) | ({"OpenStack-API-Version": MICROVERSION} if login.view.shows_metadata else {})


def _prepare(method: str, url: str, headers: Mapping[str, str]) -> requests.PreparedRequest:
    """What requests would prepare, without what no call here needs (cookies, authentication, hooks, body)."""
    request = requests.PreparedRequest()
    request.method = method
    request.url = url
    request.headers = CaseInsensitiveDict(headers)
    return request
