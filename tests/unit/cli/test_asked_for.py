import json
from datetime import UTC, datetime

import pytest
from hypothesis import given, strategies as st

from vbs_reaper.cli.request_input import body_of, file_lines, read_requests
from vbs_reaper.deletion.request import read_request
from vbs_reaper.errors import CommandError

NOW = datetime(2026, 11, 25, 3, tzinfo=UTC)
IDS = [f"0b5e4f6a-7c1d-4e2f-9a3b-{number:012}" for number in range(9)]


@given(st.lists(st.sampled_from(IDS), min_size=1), st.sampled_from(["\n", "\r\n"]))
def test_each_backup_of_a_file_is_requested_once_in_order(ids: list[str], ending: str) -> None:
    found = read_requests(list(file_lines("f", ending.join(ids).encode())), {"target": "t"}, NOW)
    assert [request.backup_id for request in found.requests] == list(dict.fromkeys(ids))
    assert len(found.repeats) == len(ids) - len(found.requests)


@given(st.lists(st.sampled_from(IDS)), st.text().filter(lambda text: text.partition("#")[0].strip() not in {"", *IDS}))
def test_one_bad_line_refuses_all_and_is_named_by_its_number(ids: list[str], bad: str) -> None:
    line = bad.replace("\n", " ").strip()
    if not line.partition("#")[0].strip():
        return
    content = "\n".join([*ids, line]).encode(errors="replace")
    with pytest.raises(CommandError, match=rf"^f, line {len(ids) + 1}: "):
        read_requests(list(file_lines("f", content)), {}, NOW)


def test_comments_blank_lines_and_a_byte_order_mark_are_ignored() -> None:
    content = f"\ufeff# old\n\n  {IDS[0]}   # why\n".encode()
    assert [(each.place, each.text) for each in file_lines("f", content)] == [("f, line 3", IDS[0])]


def test_a_complete_request_keeps_its_fields_and_a_number_sign_in_them() -> None:
    own = {"backup_id": IDS[0], "reason": "ticket #7", "expect": {"name": None}}
    (request,) = read_requests(
        list(file_lines("f", json.dumps(own).encode())), {"reason": "other", "target": "t"}, NOW
    ).requests
    assert json.loads(body_of(request)) == own | {"target": "t"}
    assert read_request(json.loads(body_of(request)), NOW) == request


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (f'{{"backup_id": "{IDS[0]}", "force": true}}', "unknown key of 5 characters"),
        ('{"backup_id": 7}', "backup_id"),
        (f'{{"backup_ids": ["{IDS[0]}"]}}', "one backup per line"),
        ('{"backup_id": ', "is not JSON"),
        (f'{{\n  "backup_id": "{IDS[0]}"\n}}', "give a backup ID, or a whole request on one line; nothing"),
        (f'{{"backup_id": "{IDS[0]}", "project_id": "mine"}}', "32 lower-case"),
        (
            f'{{"backup_id": "{IDS[0]}", "reason": 7}}',
            "give a text of at most 256 characters, or leave it out; nothing",
        ),
        (f'{{"backup_id": "{IDS[0]}", "backup_id": "{IDS[1]}"}}', 'names a key twice: "backup_id"; give a backup'),
    ],
)
def test_a_bad_request_is_refused_with_field_and_fix(line: str, words: str) -> None:
    with pytest.raises(CommandError, match=words):
        read_requests(list(file_lines("f", line.encode())), {}, NOW)


def test_the_same_backup_with_other_conditions_is_refused() -> None:
    other = json.dumps({"backup_id": IDS[0], "reason": "other"})
    with pytest.raises(CommandError, match="f, line 2: requests the backup of f, line 1 with other fields"):
        read_requests(list(file_lines("f", f"{IDS[0]}\n{other}".encode())), {}, NOW)


def test_bytes_that_are_not_text_are_refused_with_the_line() -> None:
    with pytest.raises(CommandError, match="f, line 2: is not UTF-8"):
        list(file_lines("f", IDS[0].encode() + b"\n\xff\xfe"))
