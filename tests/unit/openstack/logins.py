"""Logins as a successful one leaves them; nothing is ever sent with them."""

from datetime import UTC
from datetime import datetime
from functools import cache

from vbs_reaper.openstack.answer import TargetView
from vbs_reaper.openstack.backup import ProjectId
from vbs_reaper.openstack.endpoint import ApiVersion
from vbs_reaper.openstack.identity.login import Login
from vbs_reaper.openstack.secret import Secret
from vbs_reaper.openstack.transport import Transport

PROJECT = "0123456789abcdef0123456789abcdef"


@cache
def unused_transport() -> Transport:
    return Transport(calls_at_once=1)


def make_login(
    *, root: str = "https://vbs.example", api_version: ApiVersion = "v2", project_id: str = PROJECT
) -> Login:
    return Login(
        token=Secret("canary-token"),
        project_id=ProjectId(project_id),
        root=root,
        api_version=api_version,
        view=TargetView(project_id=ProjectId(project_id), hold_marker="[hold]", shows_metadata=api_version == "v3"),
        transport=unused_transport(),
        renew_at=datetime(2026, 11, 26, tzinfo=UTC),
    )
