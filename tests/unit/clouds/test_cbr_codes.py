"""What every documented code of Cloud Backup and Recovery means to a deletion: one row per code.

Source: API reference "Cloud Backup and Recovery", appendix "Error Codes", and the error codes of DeleteBackup in the
API definitions of Huawei Cloud. None was seen on a live cloud.
"""

import json
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Barrier

import pytest
from hypothesis import given, strategies as st

from tests.unit.clouds.logins import PROJECT, make_login
from vbs_reaper.backups.answer import Answer, AnswerName as A, Operation
from vbs_reaper.backups.identifiers import BackupId
from vbs_reaper.clouds.apis.cbr_v3 import CBR_V3, PAGE_SIZE
from vbs_reaper.clouds.apis.interface import Call, Rows
from vbs_reaper.clouds.http.deadline import Reply

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
ID = BackupId("11111111-2222-4333-8444-555555555555")
OTHER_ID = "99999999-8888-4777-8666-555555555555"
VOLUMES_IN_ORDER = "resource_type=OS%3A%3ACinder%3A%3AVolume&sort=created_at%3Aasc"
DELETE, SHOW, LIST, TASKS = (
    Operation.DELETE_BACKUP,
    Operation.SHOW_BACKUP,
    Operation.LIST_BACKUPS,
    Operation.LIST_TASKS,
)


def read(operation: Operation, status: int, body: object, *, volume_id: str | None = None) -> Answer:
    call = Call(operation=operation, target="t", backup_id=ID, volume_id=volume_id)
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer = CBR_V3.read(call, Reply(status=status, headers={}, body=text), NOW)
    assert isinstance(answer, Answer)
    return answer


def flat(code: str, message: str = "it is so") -> dict[str, str]:
    return {"error_code": code, "error_msg": message}


MALFORMED = {"unauthorized": {"code": "401", "message": "Malformed request url"}}
NOT_THERE = "6105 7000 7100 6302 6500 6501 6705"
"""Another thing does not exist: a vault, disk, server, resource, task, member or restore point."""
BUSY = "6203 6125 6134 6130 7302 2010 7200 6216"
CODES: list[tuple[int, str, A, A]] = [
    # The backup does not exist: never proof by itself
    (404, "BackupService.6200", A.MAYBE_GONE, A.MAYBE_GONE),
    (400, "CSBS.3001", A.MAYBE_GONE, A.MAYBE_GONE),
    # The code of the other status, or without its prefix, or in another spelling
    (400, "BackupService.6200", A.BAD_REQUEST, A.UNEXPECTED),
    (404, "CSBS.3001", A.UNEXPECTED, A.UNEXPECTED),
    (404, "6200", A.WRONG_ENDPOINT, A.WRONG_ENDPOINT),
    (404, "backupservice.6200", A.WRONG_ENDPOINT, A.WRONG_ENDPOINT),
    (404, "BackupService.62000", A.UNEXPECTED, A.UNEXPECTED),
    *((404, f"BackupService.{code}", A.UNEXPECTED, A.UNEXPECTED) for code in NOT_THERE.split()),
    (404, "BackupService.6217", A.WRONG_STATE, A.UNEXPECTED),
    *((404, code, A.WRONG_ENDPOINT, A.WRONG_ENDPOINT) for code in ("APIGW.0101", "APIG.0101", "")),
    # It cannot be deleted now, or at all
    *((400, code, A.CONFLICT, A.CONFLICT) for code in ("BackupService.6201", "6201", "BackupService.6711")),
    (400, "BackupService.6712", A.CONFLICT, A.CONFLICT),
    (400, "BackupService.6112", A.VAULT_UNUSABLE, A.VAULT_UNUSABLE),
    (400, "BackupService.6204", A.USED_BY_IMAGE, A.USED_BY_IMAGE),
    (400, "BackupService.6710", A.USED_BY_IMAGE, A.USED_BY_IMAGE),
    (400, "BackupService.6220", A.LOCKED, A.LOCKED),
    *((400, f"BackupService.{code}", A.BUSY, A.BUSY) for code in BUSY.split()),
    (400, "CSBS.2003", A.BUSY, A.BUSY),
    (500, "BackupService.0002", A.BUSY, A.BUSY),
    (500, "BackupService.7009", A.BUSY, A.BUSY),
    (500, "BackupService.6139", A.SERVER_ERROR, A.SERVER_ERROR),
    (500, "BackupService.9910", A.SERVER_ERROR, A.SERVER_ERROR),
    # The request, the caller, the gateway
    (400, "BackupService.9900", A.BAD_REQUEST, A.UNEXPECTED),
    (400, "APIGW.0201", A.GATEWAY_REFUSED, A.GATEWAY_REFUSED),
    (500, "BackupService.9998", A.UNAUTHORIZED, A.UNAUTHORIZED),
    (401, "APIGW.0301", A.UNAUTHORIZED, A.UNAUTHORIZED),
    (401, "BackupService.9998", A.UNAUTHORIZED, A.UNAUTHORIZED),
    (403, "BackupService.8600", A.FORBIDDEN, A.FORBIDDEN),
    (403, "BackupService.9999", A.FORBIDDEN, A.FORBIDDEN),
    (403, "APIGW.0302", A.GATEWAY_REFUSED, A.GATEWAY_REFUSED),
    (403, "APIGW.0305", A.GATEWAY_REFUSED, A.GATEWAY_REFUSED),
    (429, "APIGW.0308", A.THROTTLED, A.THROTTLED),
    (403, "APIGW.0308", A.THROTTLED, A.THROTTLED),
    (429, "", A.THROTTLED, A.THROTTLED),
    (402, "", A.GATEWAY_REFUSED, A.GATEWAY_REFUSED),
    *((status, "", A.WRONG_ENDPOINT, A.WRONG_ENDPOINT) for status in (405, 406, 501)),
    (407, "", A.PROXY_REFUSED, A.PROXY_REFUSED),
    (408, "", A.TIMED_OUT, A.TIMED_OUT),
    (409, "", A.CONFLICT, A.CONFLICT),
    (414, "", A.BAD_REQUEST, A.UNEXPECTED),
    (418, "", A.UNEXPECTED_CLIENT_ERROR, A.UNEXPECTED_CLIENT_ERROR),
    (418, "APIG.0201", A.GATEWAY_REFUSED, A.GATEWAY_REFUSED),
    *((status, "", A.UNAVAILABLE, A.UNAVAILABLE) for status in (502, 503, 504)),
    (520, "", A.UNEXPECTED, A.UNEXPECTED),
    (302, "", A.REDIRECTED, A.REDIRECTED),
]


@pytest.mark.parametrize(("status", "code", "deleting", "showing"), CODES)
def test_a_code_means_this(status: int, code: str, deleting: A, showing: A) -> None:
    assert read(DELETE, status, flat(code)).name is deleting
    assert read(SHOW, status, flat(code)).name is showing


@pytest.mark.parametrize("operation", [SHOW, DELETE, LIST, TASKS])
@pytest.mark.parametrize("status", [400, 401])
def test_the_project_in_the_url_is_not_the_tokens(operation: Operation, status: int) -> None:
    assert read(operation, status, MALFORMED).name is A.URL_PROJECT_MISMATCH


@pytest.mark.parametrize("status", [200, 202, 204, 206])
def test_every_2xx_to_a_delete_is_accepted(status: int) -> None:
    assert read(DELETE, status, b"<html>").name is A.ACCEPTED


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (404, b""),
        (404, b"<html>BackupService.6200</html>"),
        (404, []),
        (404, {"error": flat("BackupService.6200")}),
        (404, {"itemNotFound": {"code": 404, "message": f"Backup {ID} could not be found."}}),
        (404, {"error_code": ["BackupService.6200"], "error_msg": "The backup does not exist."}),
        (404, {"error_code": "BackupService.6200", "error_msg": 7}),
        (404, b'{"error_code": "BackupService.6105", "error_code": "BackupService.6200", "error_msg": ""}'),
        (404, flat("BackupService.6200", f"The backup {OTHER_ID} does not exist.")),
        (404, flat("BackupService.6200", f"The backup {ID} of {OTHER_ID} does not exist.")),
        (200, flat("BackupService.6200")),
        (410, flat("BackupService.6200")),
    ],
)
@pytest.mark.parametrize("operation", [SHOW, DELETE])
def test_other_forms_of_not_found_are_not_even_a_hint(operation: Operation, status: int, body: object) -> None:
    assert read(operation, status, body).name not in {A.GONE, A.MAYBE_GONE}


@pytest.mark.parametrize(("shown", "name"), [(ID, A.FOUND), (OTHER_ID, A.OTHER_BACKUP)])
def test_only_for_the_right_backup_the_log_is_asked_why_its_deletion_failed(shown: str, name: A) -> None:
    for status, follow_up in (("error", (TASKS,)), ("available", ())):
        answer = read(SHOW, 200, {"backup": {"id": shown, "status": status}})
        assert (answer.name, answer.follow_up) == (name, follow_up if name is A.FOUND else ())


@pytest.mark.parametrize("message", ["", "The backup does not exist.", f"The backup {ID} does not exist."])
def test_what_may_be_gone_names_the_calls_that_confirm_it(message: str) -> None:
    body = flat("BackupService.6200", message)
    assert read(SHOW, 404, body).follow_up == (TASKS,)
    assert read(SHOW, 404, body, volume_id=OTHER_ID).follow_up == (LIST, TASKS)
    assert read(DELETE, 404, body, volume_id=OTHER_ID).follow_up == ()


scalars = st.none() | st.booleans() | st.integers(-5, 5) | st.sampled_from([ID, OTHER_ID, "delete", "success", "x", ""])
KEYS = st.sampled_from(
    ["backup", "backups", "count", "operation_logs", "operation_type", "status", "extra_info", "delete", "backup_id"]
    + ["id", "resource_id", "os_images_data", "error_info", "error_code", "error_msg"]
)
documents = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=12,
)


@given(
    st.sampled_from([DELETE, SHOW, LIST, TASKS]),
    st.sampled_from([200, 202, 204, 302, 400, 401, 403, 404, 429, 500, 503]),
    documents.map(lambda document: json.dumps(document).encode()) | st.binary(max_size=50),
    st.none() | st.just(OTHER_ID),
)
def test_every_body_is_read_and_only_a_confirming_call_proves_anything(
    operation: Operation, status: int, body: bytes, volume_id: str | None
) -> None:
    answer = read(operation, status, body, volume_id=volume_id)
    if answer.name is A.GONE:
        assert operation in {LIST, TASKS}
        assert status == 200
    if operation is LIST and answer.name is A.GONE:
        shown = json.loads(body)
        assert len(shown["backups"]) == shown["count"]
        assert all(row["resource_id"] == volume_id and row["id"] != ID for row in shown["backups"])


@given(st.sampled_from([200, 400, 404, 500]), documents.map(lambda document: json.dumps(document).encode()))
def test_every_page_is_read(status: int, body: bytes) -> None:
    call = Call(operation=LIST, target="t", marker="950")
    page = CBR_V3.read(call, Reply(status=status, headers={}, body=body), NOW)
    if isinstance(page, Rows):
        assert status == 200
        assert page.overlaps
    else:
        assert page.name is not A.GONE


@pytest.mark.parametrize(
    ("call", "path"),
    [
        (Call(operation=SHOW, target="t", backup_id=ID), f"backups/{ID}"),
        (Call(operation=LIST, target="t"), f"backups?limit={PAGE_SIZE}&offset=0&{VOLUMES_IN_ORDER}"),
        (Call(operation=LIST, target="t", marker="950"), f"backups?limit={PAGE_SIZE}&offset=950&{VOLUMES_IN_ORDER}"),
        (
            Call(operation=LIST, target="t", backup_id=ID, volume_id=OTHER_ID),
            f"backups?limit={PAGE_SIZE}&resource_id={OTHER_ID}",
        ),
        (
            Call(operation=TASKS, target="t", backup_id=ID, volume_id=OTHER_ID),
            f"operation-logs?limit={PAGE_SIZE}&operation_type=delete&resource_id={OTHER_ID}",
        ),
    ],
)
def test_a_get_is_exactly_this(call: Call, path: str) -> None:
    request = CBR_V3.prepare(call, make_login())
    assert request.path_url == f"/v3/{PROJECT}/{path}"
    assert dict(request.headers) == {
        "User-Agent": "vbs-reaper",
        "Accept": "application/json",
        "Accept-Encoding": "identity",
        "Content-Type": "application/json",
        "Cache-Control": "no-cache",
    }


def page(number: int) -> dict[str, object]:
    ids = [f"00000000-0000-4000-8000-{each:012}" for each in range(number)]
    return {"backups": [{"id": each, "resource_id": OTHER_ID} for each in ids], "count": number}


@pytest.mark.parametrize(
    ("status", "name"), [(403, A.FORBIDDEN), (404, A.MAYBE_GONE), (405, A.MAYBE_GONE), (410, A.MAYBE_GONE)]
)
def test_a_confirming_list_that_is_not_allowed_proves_nothing_about_the_target(status: int, name: A) -> None:
    assert read(LIST, status, {}, volume_id=OTHER_ID).name is name


@pytest.mark.parametrize("operation", [LIST, TASKS])
def test_a_confirming_answer_that_cannot_be_read_proves_nothing(operation: Operation) -> None:
    answer = read(operation, 200, b"<html>", volume_id=OTHER_ID)
    assert (answer.name, answer.message) == (A.MAYBE_GONE, "it cannot be read")


def test_a_log_of_a_failed_deletion_contains_the_cause() -> None:
    task = {"operation_type": "delete", "status": "failed", "extra_info": {"delete": {"backup_id": ID}}}
    answer = read(TASKS, 200, {"operation_logs": [task | {"error_info": {"code": "X.1", "message": "in use"}}]})
    assert (answer.name, answer.message) == (A.DELETION_FAILED, "X.1 in use")


@pytest.mark.parametrize(
    ("shown", "ids"), [({"os_images_data": [{"image_id": "a"}]}, ["a"]), ({"os_images_data": None}, []), ({}, [])]
)
def test_images_that_were_made_from_a_backup_are_read(shown: dict[str, object], ids: list[str]) -> None:
    backup = read(SHOW, 200, {"backup": {"id": ID, "status": "available", "extend_info": shown}}).backup
    assert backup is not None
    assert list(backup.image_ids or ()) == ids


@pytest.mark.parametrize(
    ("number", "name", "has_next"), [(PAGE_SIZE - 1, A.GONE, False), (PAGE_SIZE, A.MAYBE_GONE, True)]
)
def test_a_full_page_is_no_proof_and_has_a_next_one_although_its_count_agrees(
    number: int, name: A, *, has_next: bool
) -> None:
    """It is not documented whether `count` is that of the complete list or of the page."""
    assert read(LIST, 200, page(number), volume_id=OTHER_ID).name is name
    body = json.dumps(page(number)).encode()
    rows = CBR_V3.read(Call(operation=LIST, target="t"), Reply(status=200, headers={}, body=body), NOW)
    assert isinstance(rows, Rows)
    assert (rows.next is not None) is has_next


@pytest.mark.parametrize(("number", "marker"), [(1, "1"), (2, "1"), (51, "1"), (60, "10")])
def test_a_next_page_overlaps_by_up_to_50_rows(number: int, marker: str) -> None:
    body = json.dumps(page(number) | {"count": 1000}).encode()
    rows = CBR_V3.read(Call(operation=LIST, target="t"), Reply(status=200, headers={}, body=body), NOW)
    assert isinstance(rows, Rows)
    assert rows.next == marker


@pytest.mark.parametrize(
    "ids",
    [[""], ["AAAAAAAA-2222-4333-8444-555555555555"], [ID.replace("-", "")], [OTHER_ID, OTHER_ID], ["x", OTHER_ID]],
)
def test_a_list_that_does_not_name_each_backup_once_is_no_proof(ids: list[str]) -> None:
    body = {"backups": [{"id": each, "resource_id": OTHER_ID} for each in ids], "count": len(ids)}
    assert read(LIST, 200, body, volume_id=OTHER_ID).name is A.MAYBE_GONE


def peak_of(threads: int, body: bytes) -> int:
    """Return the peak memory of threads that check a list at the same time, without its text."""
    together = Barrier(threads)

    def judge(_: int) -> A:
        together.wait()
        return read(LIST, 200, body, volume_id=OTHER_ID).name

    with ThreadPoolExecutor(threads) as pool:
        tracemalloc.start()
        names = set(pool.map(judge, range(threads)))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert names == {A.GONE}
    return peak


def test_confirming_lists_with_a_hundred_thousand_objects_take_little_memory() -> None:
    objects = b'{"backups": [], "count": 0, "x": [%s]}' % b",".join([b"{}"] * 100_000)
    assert peak_of(1, objects) < 2_000_000


def test_confirming_lists_are_checked_one_after_the_other() -> None:
    lists, objects = b",".join([b"[]"] * 100_000), b",".join([b"{}"] * 100_000)
    body = b'{"backups": [], "count": 0, "x": [[%s], %s]}' % (lists, objects)
    assert peak_of(4, body) < 1.5 * peak_of(1, body)
