"""A second implementation of the allowed paths, with which prepared requests are compared."""

import re
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import urlsplit

from tests.unit.clouds.logins import PROJECT, delete_request, list_request, make_login, show_request
from vbs_reaper.backups.identifiers import BackupId
from vbs_reaper.clouds.endpoint import read_endpoint
from vbs_reaper.clouds.http.transport import NotSendable
from vbs_reaper.errors import InvalidEndpoint

_UUID: Final = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_ONE: Final = re.compile(rf"(?:/[A-Za-z0-9._~-]+)*/v[23]/[0-9a-f]{{32}}/backups/({_UUID})", re.ASCII)
_LIST: Final = re.compile(
    rf"(?:/[A-Za-z0-9._~-]+)*/v[23]/[0-9a-f]{{32}}/backups/detail\?limit=1000(&marker={_UUID})?(&volume_id={_UUID})?",
    re.ASCII,
)
VERSIONS: Final[tuple[Literal["v2", "v3"], ...]] = ("v2", "v3")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire:
    """The parts of an address, with any content."""

    address: str
    backup_id: str = "11111111-2222-4333-8444-555555555555"
    project_id: str = PROJECT
    volume_id: str = "99999999-8888-4777-8666-555555555555"
    marker: str = "99999999-8888-4777-8666-555555555555"


def check_wire(parts: Wire, insecure_http: bool) -> None:
    """Prepare each request of each version; check that it is rejected or allowed."""
    try:
        endpoint = read_endpoint(parts.address, insecure_http=insecure_http)
    except InvalidEndpoint:
        return
    scheme, _, rest = endpoint.root.partition("://")
    assert scheme == "https" or (scheme == "http" and insecure_http)
    host = rest.partition("/")[0]
    for version in VERSIONS:
        login = make_login(root=endpoint.root, api_version=version, project_id=parts.project_id)
        backup_id = BackupId(parts.backup_id)
        for prepare, method in ((show_request, "GET"), (delete_request, "DELETE")):
            try:
                request = prepare(login, backup_id)
            except NotSendable:
                continue
            found = _ONE.fullmatch(request.path_url)
            assert found is not None
            assert found[1] == backup_id
            assert request.method == method
            assert request.url == f"{endpoint.root}/{version}/{parts.project_id}/backups/{backup_id}"
            _check_host(request.url, host)
        try:
            listing = list_request(login, marker=parts.marker or None, volume_id=parts.volume_id or None)
        except NotSendable:
            continue
        assert listing.method == "GET"
        assert _LIST.fullmatch(listing.path_url)
        _check_host(listing.url or "", host)


def _check_host(url: str, host: str) -> None:
    split = urlsplit(url)
    assert split.netloc == host
    assert not any(segment in {".", ".."} for segment in split.path.split("/"))
