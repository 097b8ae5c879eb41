"""The one allowed form of a request: whatever comes in, nothing else is prepared."""

import re

import pytest
from hypothesis import example, given, strategies as st

from tests.unit.clouds.logins import PROJECT, delete_request, list_request, make_login, show_request
from vbs_reaper.backups.identifiers import BackupId
from vbs_reaper.clouds.endpoint import ApiVersion
from vbs_reaper.clouds.http.transport import NotSendable

BACKUP_ID = BackupId("11111111-2222-4333-8444-555555555555")
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
    assert request.method == "DELETE"
    assert request.url == f"https://vbs.example/{version}/{PROJECT}/backups/{BACKUP_ID}"
    assert request.path_url == f"/{version}/{PROJECT}/backups/{BACKUP_ID}"
    assert request.body is None


@pytest.mark.parametrize(
    "root", ["https://[2001:db8::10]:8776", "https://[::ffff:192.0.2.1]", "https://10.0.0.1/volume"]
)
def test_an_address_without_a_name_is_sent_as_it_is(root: str) -> None:
    request = show_request(make_login(root=root), BACKUP_ID)
    assert request.url == f"{root}/v2/{PROJECT}/backups/{BACKUP_ID}"


def test_the_headers_of_each_request_are_exactly_these() -> None:
    login = make_login(api_version="v3")
    common = {
        "User-Agent": "vbs-reaper",
        "Accept": "application/json",
        "Accept-Encoding": "identity",
        "X-Auth-Token": "canary-token",
    }
    looking = common | {"Cache-Control": "no-cache", "OpenStack-API-Version": "volume 3.43"}
    assert dict(show_request(login, BACKUP_ID).headers) == looking
    assert dict(list_request(login, marker=None, volume_id=None).headers) == looking
    assert dict(delete_request(login, BACKUP_ID).headers) == common | {"Content-Length": "0"}


def test_what_is_not_sendable_says_why() -> None:
    why: list[str] = []
    for login, backup_id in (
        (make_login(), "x"),
        (make_login(project_id="x"), BACKUP_ID),
        (make_login(root="https://vbs.example/.."), BACKUP_ID),
    ):
        with pytest.raises(NotSendable) as refused:
            delete_request(login, BackupId(backup_id))
        why.append(str(refused.value))
    assert why == [
        "an ID is not a lower-case canonical UUID",
        "the project is not 32 lower-case hexadecimal digits",
        "the address would change on its way",
    ]


def test_show_and_list_ask_for_metadata_on_v3_and_a_deletion_for_nothing() -> None:
    v3, v2 = make_login(api_version="v3"), make_login(api_version="v2")
    asked = [
        request.headers.get("OpenStack-API-Version")
        for request in (
            show_request(v3, BACKUP_ID),
            list_request(v3, marker=None, volume_id=None),
            delete_request(v3, BACKUP_ID),
            show_request(v2, BACKUP_ID),
            list_request(v2, marker=None, volume_id=None),
        )
    ]
    assert asked == ["volume 3.43", "volume 3.43", None, None, None]


def test_a_page_is_asked_for_by_limit_filter_and_marker_alone() -> None:
    login = make_login(api_version="v3")
    other = "99999999-8888-4777-8666-555555555555"
    base = f"/v3/{PROJECT}/backups/detail?limit=1000"
    assert list_request(login, marker=None, volume_id=None).path_url == base
    assert list_request(login, marker=BACKUP_ID, volume_id=None).path_url == f"{base}&marker={BACKUP_ID}"
    both = list_request(login, marker=BACKUP_ID, volume_id=other)
    assert both.path_url == f"{base}&marker={BACKUP_ID}&volume_id={other}"


@pytest.mark.parametrize("bad_id", BAD_IDS)
def test_a_dressed_up_id_is_never_prepared(bad_id: str) -> None:
    login = make_login()
    with pytest.raises(NotSendable):
        show_request(login, BackupId(bad_id))
    with pytest.raises(NotSendable):
        delete_request(login, BackupId(bad_id))
    with pytest.raises(NotSendable):
        list_request(login, marker=bad_id, volume_id=None)
    with pytest.raises(NotSendable):
        list_request(login, marker=None, volume_id=bad_id)


@pytest.mark.parametrize("project_id", ["", PROJECT.upper(), PROJECT + "\n", "..", f"{PROJECT}/x"])
def test_a_project_that_is_none_is_never_prepared(project_id: str) -> None:
    with pytest.raises(NotSendable):
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
        "https://",
        "vbs.example",
    ],
)
def test_an_address_that_would_change_on_its_way_is_never_sent(root: str) -> None:
    with pytest.raises(NotSendable):
        delete_request(make_login(root=root), BACKUP_ID)


@given(st.text(max_size=80) | st.sampled_from(BAD_IDS) | st.uuids().map(str))
@example(str(BACKUP_ID))
def test_no_request_whose_path_differs_from_the_one_allowed_form(backup_id: str) -> None:
    try:
        request = delete_request(make_login(), BackupId(backup_id))
    except NotSendable:
        return
    assert re.fullmatch(
        rf"/v2/{PROJECT}/backups/[0-9a-f]{{8}}-[0-9a-f]{{4}}-[0-9a-f]{{4}}-[0-9a-f]{{4}}-[0-9a-f]{{12}}",
        request.path_url,
        re.ASCII,
    )
    assert request.path_url.endswith(f"/{backup_id}")


@given(st.text(max_size=40) | st.from_regex(r"https?://[a-z./:@?#%0-9\\-]{0,30}", fullmatch=True))
def test_whatever_the_address_the_url_is_root_version_project_and_id(root: str) -> None:
    try:
        request = delete_request(make_login(root=root), BACKUP_ID)
    except NotSendable:
        return
    assert request.url == f"{root}/v2/{PROJECT}/backups/{BACKUP_ID}"
