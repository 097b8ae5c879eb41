"""What the stub says: a token, a backup, a page of them, and AWS's thanks."""

import json
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Final
from urllib.parse import parse_qs

PROJECT_ID: Final = "5a1e0c7b9d3f4826a0b4c6d8e2f01357"
REGION: Final = "eu-de"
GONE: Final = "dead"
"""Backups whose id begins so are gone."""
BACKUPS_PER_VOLUME: Final = 100
"""Backups of each volume in a listing."""
_NEWEST: Final = datetime(2026, 11, 25, 2, 0, tzinfo=UTC)


def token(host: str) -> bytes:
    """A token of the member's for a day, with a catalogue that leads back here."""
    url = f"http://{host}"
    services = {
        "identity": f"{url}/identity/v3",
        "block-storage": f"{url}/v3/{PROJECT_ID}",
        "vbs": f"{url}/v2/{PROJECT_ID}",
    }
    catalog = [
        {
            "id": kind,
            "type": kind,
            "name": kind,
            "endpoints": [{"id": kind, "interface": "public", "region": REGION, "region_id": REGION, "url": address}],
        }
        for kind, address in services.items()
    ]
    now = datetime.now(UTC)
    domain = {"id": "default", "name": "Default"}
    return _json(
        {
            "token": {
                "methods": ["password"],
                "user": {"domain": domain, "id": "u", "name": "member", "password_expires_at": None},
                "audit_ids": ["a"],
                "issued_at": now.strftime("%Y-%m-%dT%H:%M:%S.000000Z"),
                "expires_at": (now + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%S.000000Z"),
                "project": {"domain": domain, "id": PROJECT_ID, "name": "backups"},
                "is_domain": False,
                "roles": [{"id": "r", "name": "member"}],
                "catalog": catalog,
            }
        }
    )


def backup(backup_id: str) -> tuple[int, bytes]:
    """Status and body of a look at one backup."""
    if backup_id.startswith(GONE):
        message = f"Backup {backup_id} could not be found."
        return 404, _json({"itemNotFound": {"code": 404, "message": message}})
    return 200, _json({"backup": _record(backup_id, 0)})


@lru_cache(maxsize=128)
def page(query: str) -> bytes:
    """A page of a listing without an end, each volume's newest first."""
    asked = parse_qs(query)
    limit = int(asked.get("limit", ["1000"])[0])
    marker = asked.get("marker", [""])[0]
    first = int(marker.rpartition("-")[2], 16) + 1 if marker else 0
    return _json({"backups": [_record(listed_id(number), number) for number in range(first, first + limit)]})


def listed_id(number: int) -> str:
    """The id of backup so-and-so of a listing."""
    return f"0b5e4f6a-7c1d-4e2f-9a3b-{number:012x}"


def versions(path: str) -> bytes:
    """Keystone's or Cinder's answer to who asks for versions."""
    if path.startswith("/identity"):
        links = [{"rel": "self", "href": path}]
        return _json({"version": {"id": "v3.14", "status": "stable", "links": links}})
    known = {"id": "v3.0", "status": "CURRENT", "version": "3.71", "min_version": "3.0"}
    return _json({"versions": [known | {"links": [{"rel": "self", "href": "/v3/"}]}]})


def answer_aws(operation: str, asked: dict[str, Any]) -> bytes:
    """AWS takes everything."""
    entries = asked.get("Entries", [])
    match operation.rpartition(".")[2]:
        case "GetSecretValue":
            return _json({"Name": asked["SecretId"], "VersionId": "1" * 32, "SecretString": asked["SecretId"]})
        case "PutEvents":
            return _json({"FailedEntryCount": 0, "Entries": [{"EventId": "1"} for _ in entries]})
        case "SendMessageBatch":
            sent = [{"Id": entry["Id"], "MessageId": "1", "MD5OfMessageBody": "0" * 32} for entry in entries]
            return _json({"Successful": sent, "Failed": []})
        case "ChangeMessageVisibilityBatch":
            return _json({"Successful": [{"Id": entry["Id"]} for entry in entries], "Failed": []})
        case _:
            return _json({})


def _record(backup_id: str, number: int) -> dict[str, Any]:
    volume, age = divmod(number, BACKUPS_PER_VOLUME)
    made_at = (_NEWEST - timedelta(days=age)).strftime("%Y-%m-%dT%H:%M:%S.000000")
    return {
        "id": backup_id,
        "status": "available",
        "size": 10,
        "object_count": 0,
        "availability_zone": "eu-de-01",
        "container": "volumebackups",
        "created_at": made_at,
        "updated_at": made_at,
        "name": f"daily-{age:04}",
        "description": None,
        "metadata": {},
        "fail_reason": None,
        "volume_id": f"7d2f3a10-58c4-4b7e-8f19-{volume:012x}",
        "links": [
            {"rel": "self", "href": f"https://vbs.example/v2/{PROJECT_ID}/backups/{backup_id}"},
            {"rel": "bookmark", "href": f"https://vbs.example/{PROJECT_ID}/backups/{backup_id}"},
        ],
        "is_incremental": False,
        "has_dependent_backups": False,
        "snapshot_id": None,
        "data_timestamp": made_at,
        "os-bak-tenant-attr:tenant_id": PROJECT_ID,
        "service_metadata": ' {"bootable": false, "Type": 0}',
    }


def _json(document: object) -> bytes:
    return json.dumps(document).encode()
