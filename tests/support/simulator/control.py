"""`/simulator/…`: the cloud told and read from another process. Not written into the journal."""

import json
from collections.abc import Callable
from dataclasses import asdict, fields
from typing import Any

import msgspec

from tests.support.simulator.backups.rate_limit import LimitForm
from tests.support.simulator.backups.record import BackupFields
from tests.support.simulator.cloud import Cloud
from tests.support.simulator.exchange import Answer, Request, json_answer
from tests.support.simulator.faults import Fault
from tests.support.simulator.settings import SimulatorSettings

PREFIX = "/simulator/"
Told = dict[str, Any]


def handle(cloud: Cloud, request: Request) -> Answer:
    """Do as told; what can not be done is answered 400 with the reason."""
    what = request.path.removeprefix(PREFIX)
    try:
        told = json.loads(request.body) if request.body else {}
        return json_answer(200, _do(cloud, request, what, told))
    except KeyError as error:
        return json_answer(400, {"error": f"missing or unknown: {error.args[0]}"})
    except (ValueError, TypeError) as error:
        return json_answer(400, {"error": str(error)})


def _do(cloud: Cloud, request: Request, what: str, told: Any) -> object:  # noqa: ANN401
    if request.method == "GET":
        return _READ[what](cloud, dict(request.query))
    if request.method == "DELETE" and what == "faults":
        cloud.clear_faults()
        return {}
    if what.startswith("backups/"):
        cloud.change_backup(what.removeprefix("backups/"), **_backup_fields(told))
        return {}
    return _TELL[what](cloud, told) or {}


_READ: dict[str, Callable[[Cloud, dict[str, str]], object]] = {
    "journal": lambda cloud, _: cloud.journal.as_json(),
    "backups": lambda cloud, query: cloud.remaining(query.get("project_id")),
    "settings": lambda cloud, _: asdict(cloud.settings),
    "secret": lambda cloud, query: cloud.target_secret(
        query.get("user", "member"),
        service=query.get("service", "vbs"),
        application_credential=query.get("application_credential") == "true",
        access_key=query.get("access_key") == "true",
    ),
}


def _add_backups(cloud: Cloud, told: Any) -> object:  # noqa: ANN401
    """One backup as an object, several as a list of them, or `{"count": n, …}` alike."""
    if isinstance(told, list):
        return [cloud.add_backup(**_backup_fields(one)) for one in told]
    if "count" in told:
        return cloud.add_backups(told.pop("count"), **_backup_fields(told))
    return [cloud.add_backup(**_backup_fields(told))]


def _backup_fields(told: Told) -> BackupFields:
    unknown = set(told) - set(BackupFields.__annotations__)
    if unknown:
        raise ValueError(f"a backup has no {', '.join(sorted(unknown))}")
    return msgspec.convert(told, BackupFields)


def _inject(cloud: Cloud, told: Any) -> None:  # noqa: ANN401
    """One fault as an object or several as a list."""
    known = {field.name for field in fields(Fault)}
    for one in told if isinstance(told, list) else [told]:
        if unknown := set(one) - known:
            raise ValueError(f"a fault has no {', '.join(sorted(unknown))}")
        cloud.inject(msgspec.convert(one, Fault))


def _change_settings(cloud: Cloud, told: Told) -> None:
    merged = asdict(cloud.settings) | told
    if unknown := set(merged) - set(asdict(cloud.settings)):
        raise ValueError(f"there is no setting {', '.join(sorted(unknown))}")
    settings = msgspec.convert(merged, SimulatorSettings)
    cloud.change_settings(**{name: getattr(settings, name) for name in told})


def _limit_rate(cloud: Cloud, told: Told) -> None:
    cloud.limit_rate(
        told["per_minute"],
        methods=told.get("methods", ["DELETE"]),
        form=LimitForm(told.get("form", LimitForm.CINDER)),
    )


def _set_service(cloud: Cloud, told: Told) -> None:
    cloud.set_service(up=msgspec.convert(told["up"], bool))


def _shake(cloud: Cloud, told: Told) -> None:
    first, last = told.get("statuses", [500, 599])
    cloud.faults.shake(told["probability"], statuses=range(first, last + 1))


_TELL: dict[str, Callable[[Cloud, Any], object]] = {
    "backups": _add_backups,
    "faults": _inject,
    "shake": _shake,
    "settings": _change_settings,
    "rate-limit": _limit_rate,
    "hold": lambda cloud, told: cloud.hold(told["backup_id"]),
    "remove": lambda cloud, told: cloud.remove_backup(told["backup_id"]),
    "service": _set_service,
    "revoke": lambda cloud, told: cloud.revoke_tokens(told.get("user")),
    "password": lambda cloud, told: cloud.change_password(told["password"], told.get("user", "member")),
    "access-key": lambda cloud, told: cloud.new_access_key(told.get("user", "member")),
    "advance": lambda cloud, told: cloud.advance(told["seconds"]),
    "reset": lambda cloud, _: cloud.reset(),
}
