"""The only allowed form of a request: no input leads to another one."""

import re

import pytest
from hypothesis import example, given, strategies as st

from tests.unit.clouds.logins import PROJECT, delete_request, list_request, make_login, show_request
from vbs_reaper.backups.identifiers import BackupId
from vbs_reaper.clouds.endpoint import ApiVersion
from vbs_reaper.clouds.http.transport import NotSendable

BACKUP_ID = BackupId("11111111-2222-4333-8444-555555555555")
OTHER_ID = "99999999-8888-4777-8666-555555555555"
BAD_IDS = [
    "",
    ".",
    "..",
    "detail",
    f"../volumes/{BACKUP_ID}",
    f"{BACKUP_ID}/../x",
    f"{BACKUP_ID}\n",
    f"{BACKUP_ID}?force=1",
    f"{BACKUP_ID}#x",
    f"{BACKUP_ID}/",
    f"%7b{BACKUP_ID}",
    f"{{{BACKUP_ID}}}",
    f"urn:uuid:{BACKUP_ID}",
    BACKUP_ID.upper().replace("1", "A"),
    BACKUP_ID.replace("-", ""),
    BACKUP_ID.replace("1", "１"),
    f"{BACKUP_ID}-{BACKUP_ID}",
]


@pytest.mark.parametrize("version", ["v2", "v3"])
def test_a_deletion_is_exactly_this(version: ApiVersion) -> None:
    request = delete_request(make_login(api_version=version), BACKUP_ID)
    assert (request.method, request.body) == ("DELETE", None)
    assert request.url == f"https://vbs.example/{version}/{PROJECT}/backups/{BACKUP_ID}"
    assert request.path_url == f"/{version}/{PROJECT}/backups/{BACKUP_ID}"


@pytest.mark.parametrize(
    "root", ["https://[2001:db8::10]:8776", "https://[::ffff:192.0.2.1]", "https://10.0.0.1/volume"]
)
def test_an_address_without_a_name_is_sent_unchanged(root: str) -> None:
    request = show_request(make_login(root=root), BACKUP_ID)
    assert request.url == f"{root}/v2/{PROJECT}/backups/{BACKUP_ID}"


@pytest.mark.parametrize("version", ["v2", "v3"])
def test_the_headers_of_each_request_are_exactly_these(version: ApiVersion) -> None:
    login = make_login(api_version=version)
    common = {
        "User-Agent": "vbs-reaper",
        "Accept": "application/json",
        "Accept-Encoding": "identity",
        "X-Auth-Token": "canary-token",
    }
    metadata = {"OpenStack-API-Version": "volume 3.43"} if version == "v3" else {}
    observing = common | metadata | {"Cache-Control": "no-cache"}
    assert dict(show_request(login, BACKUP_ID).headers) == observing
    assert dict(list_request(login, marker=None, volume_id=None).headers) == observing
    assert dict(delete_request(login, BACKUP_ID).headers) == common | {"Content-Length": "0"}


@pytest.mark.parametrize(
    ("marker", "volume_id", "query"),
    [
        (None, None, ""),
        (BACKUP_ID, None, f"&marker={BACKUP_ID}"),
        (BACKUP_ID, OTHER_ID, f"&marker={BACKUP_ID}&volume_id={OTHER_ID}"),
    ],
)
def test_a_page_is_asked_for_by_limit_filter_and_marker_alone(
    marker: str | None, volume_id: str | None, query: str
) -> None:
    request = list_request(make_login(api_version="v3"), marker=marker, volume_id=volume_id)
    assert request.path_url == f"/v3/{PROJECT}/backups/detail?limit=1000{query}"


@pytest.mark.parametrize("bad_id", BAD_IDS)
def test_a_malformed_id_is_never_sent(bad_id: str) -> None:
    login = make_login()
    with pytest.raises(NotSendable, match="^an ID is not a lower-case canonical UUID$"):
        show_request(login, bad_id)
    with pytest.raises(NotSendable):
        delete_request(login, bad_id)
    with pytest.raises(NotSendable):
        list_request(login, marker=bad_id, volume_id=None)
    with pytest.raises(NotSendable):
        list_request(login, marker=None, volume_id=bad_id)


@pytest.mark.parametrize("project_id", ["", PROJECT.upper(), PROJECT + "\n", "..", f"{PROJECT}/x"])
def test_a_malformed_project_is_never_sent(project_id: str) -> None:
    with pytest.raises(NotSendable, match="^the project is not 32 lower-case hexadecimal digits$"):
        delete_request(make_login(project_id=project_id), BACKUP_ID)


@pytest.mark.parametrize(
    "root",
    [
        "https://vbs.example/..",
        "https://VBS.example",
        "https://vbs.example/a b",
        "https://vbs.example/%7e",
        "https://vbs.example?x=",
        "https://vbs.example#",
        "https://vbs.ex\tample",
    ],
)
def test_an_address_that_would_change_in_transit_is_never_sent(root: str) -> None:
    with pytest.raises(NotSendable, match="^the address would change on its way$"):
        delete_request(make_login(root=root), BACKUP_ID)


@pytest.mark.parametrize("root", ["https://", "vbs.example"])
def test_an_address_without_a_host_or_a_scheme_is_never_sent(root: str) -> None:
    with pytest.raises(NotSendable):
        delete_request(make_login(root=root), BACKUP_ID)


@given(
    st.text(max_size=40) | st.from_regex(r"https?://[a-z./:@?#%0-9\\-]{0,30}", fullmatch=True),
    st.text(max_size=80) | st.sampled_from(BAD_IDS) | st.uuids().map(str),
)
@example("https://vbs.example", BACKUP_ID)
def test_every_url_is_root_version_project_and_a_uuid(root: str, backup_id: str) -> None:
    for address, name in ((root, BACKUP_ID), ("https://vbs.example", backup_id)):
        try:
            request = delete_request(make_login(root=address), name)
        except NotSendable:
            continue
        assert request.url == f"{address}/v2/{PROJECT}/backups/{name}"
        assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", name, re.ASCII)
