"""Successful logins for tests. No request is sent with them."""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache

from vbs_reaper.backups.answer import Answer, Operation, TargetInfo
from vbs_reaper.backups.identifiers import BackupId, ProjectId
from vbs_reaper.backups.secret_text import Secret
from vbs_reaper.clouds.apis.interface import Call
from vbs_reaper.clouds.apis.registry import APIS
from vbs_reaper.clouds.apis.vbs_v2 import VBS_V2
from vbs_reaper.clouds.endpoint import ApiVersion
from vbs_reaper.clouds.http.deadline import Reply
from vbs_reaper.clouds.http.transport import HttpRequest, Transport
from vbs_reaper.clouds.login.login import Login, Token

PROJECT = "0123456789abcdef0123456789abcdef"


@cache
def unused_transport() -> Transport:
    return Transport(calls_at_once=1)


def make_login(
    *, root: str = "https://vbs.example", api_version: ApiVersion = "v2", project_id: str = PROJECT
) -> Login:
    return Login(
        credentials=Token(Secret("canary-token")),
        project_id=ProjectId(project_id),
        root=root,
        api=APIS["vbs", api_version],
        info=TargetInfo(project_id=ProjectId(project_id), hold_marker="[hold]", shows_metadata=api_version == "v3"),
        transport=unused_transport(),
        renew_at=datetime(2026, 11, 26, tzinfo=UTC),
        expires_at=datetime(2026, 11, 27, tzinfo=UTC),
    )


def show_request(login: Login, backup_id: str) -> HttpRequest:
    return _prepare(_call(Operation.SHOW_BACKUP, backup_id), login)


def delete_request(login: Login, backup_id: str) -> HttpRequest:
    return _prepare(_call(Operation.DELETE_BACKUP, backup_id), login)


def list_request(login: Login, *, marker: str | None, volume_id: str | None) -> HttpRequest:
    call = Call(operation=Operation.LIST_BACKUPS, target="t", marker=marker, volume_id=volume_id)
    return _prepare(call, login)


def _prepare(call: Call, login: Login) -> HttpRequest:
    request = login.api.prepare(call, login)
    login.credentials.authenticate(request, datetime(2026, 11, 26, tzinfo=UTC))
    return request


def read_answer(  # noqa: PLR0913  # the parts of a response
    operation: Operation, backup_id: str, status: int, headers: Mapping[str, str], body: bytes, now: datetime
) -> Answer:
    return VBS_V2.read_answer(operation, backup_id, Reply(status=status, headers=headers, body=body), now)


def _call(operation: Operation, backup_id: str) -> Call:
    return Call(operation=operation, target="t", backup_id=BackupId(backup_id))
