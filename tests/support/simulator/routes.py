"""Finds the operation for a method and a path."""

import re
from dataclasses import dataclass, replace

from tests.support.simulator.journal import Operation

IDENTITY = "/identity"
KEYSTONE_AT_ROOT = "/v3/auth/tokens"
"""Keystone also answers here, for clients with an address without a path."""

CBR = "/cbr"
"""The prefix of CBR, which has the same paths as Cinder."""

BACKUPS = re.compile(
    r"/(?P<version>v[23])(?:/(?P<project>[0-9a-f\-]+))?/backups(?:/(?P<backup>[^/]+)(?P<action>/action)?)?"
)
CLOUD_BACKUPS = re.compile(r"/v2/(?P<project>[0-9a-f\-]+)/cloudbackups")
"""Where VBS creates backups."""
OF_CBR = re.compile(r"/v3/(?P<project>[0-9a-f]+)/(?P<collection>operation-logs|vaults|checkpoints)")
COLLECTIONS = {
    ("GET", "operation-logs"): Operation.TASKS,
    ("GET", "vaults"): Operation.VAULTS,
    ("POST", "checkpoints"): Operation.CREATE,
}
VERSION_ROOT = re.compile(r"/v[23]/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """The operation of a call, and the IDs in its path."""

    operation: Operation
    service: str
    """`identity`, `volume`, `cbr`, `versions`, or `nowhere`."""
    path: str = ""
    """For Keystone, the part after `/identity`."""
    version: str = "v3"
    project_id: str | None = None
    backup_id: str | None = None
    with_details: bool = False


def find_route(method: str, path: str) -> Route:
    """Return the route of any method and path."""
    if path == KEYSTONE_AT_ROOT:
        return _identity(method, path)
    if path == IDENTITY or path.startswith(f"{IDENTITY}/"):
        return _identity(method, path.removeprefix(IDENTITY))
    if path.startswith(f"{CBR}/"):
        return _cbr(method, path.removeprefix(CBR))
    if path == "/":
        return Route(operation=Operation.VERSIONS, service="versions")
    if VERSION_ROOT.fullmatch(path):
        return Route(operation=Operation.VERSIONS, service="versions", version=path.strip("/"))
    if method == "POST" and (match := CLOUD_BACKUPS.fullmatch(path)):
        return Route(operation=Operation.CREATE, service="volume", version="v2", project_id=match["project"])
    match = BACKUPS.fullmatch(path)
    return _backups(method, match) if match else Route(operation=Operation.OTHER, service="nowhere")


def _identity(method: str, path: str) -> Route:
    if path != KEYSTONE_AT_ROOT:
        return Route(operation=Operation.VERSIONS, service="identity", path=path)
    operation = Operation.LOGIN if method == "POST" else Operation.TOKEN
    return Route(operation=operation, service="identity", path=path)


def _cbr(method: str, path: str) -> Route:
    if (other := OF_CBR.fullmatch(path)) and (method, other["collection"]) in COLLECTIONS:
        operation = COLLECTIONS[method, other["collection"]]
        return Route(operation=operation, service="cbr", project_id=other["project"])
    match = BACKUPS.fullmatch(path)
    if match is None or match["version"] != "v3" or match["backup"] == "detail" or method == "POST":
        return Route(operation=Operation.OTHER, service="cbr")
    return replace(_backups(method, match), service="cbr")


def _backups(method: str, match: re.Match[str]) -> Route:
    backup_id, version, project_id = match["backup"], match["version"], match["project"]
    operation = Operation.OTHER
    with_details = False
    if match["action"]:
        operation = Operation.ACTION if method == "POST" else Operation.OTHER
    elif method == "POST" and backup_id is None:
        operation = Operation.CREATE
    elif method == "GET" and backup_id in (None, "detail"):
        operation, with_details, backup_id = Operation.LIST, backup_id == "detail", None
    elif method == "GET":
        operation = Operation.SHOW
    elif method == "DELETE" and backup_id is not None:
        operation = Operation.DELETE
    return Route(
        operation=operation,
        service="nowhere" if operation is Operation.OTHER else "volume",
        version=version,
        project_id=project_id,
        backup_id=backup_id,
        with_details=with_details,
    )
