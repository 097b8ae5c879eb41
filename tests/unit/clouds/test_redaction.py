"""Every part of a token in a response is redacted, and nothing else."""

import pytest
from hypothesis import given, strategies as st

from vbs_reaper.backups.secret_text import Secret
from vbs_reaper.clouds.http.deadline import Reply
from vbs_reaper.clouds.http.redaction import without_secret

TOKEN = "gAAAAABmWnQ3-canary_token=="


def reply(body: bytes = b"", **headers: str) -> Reply:
    return Reply(status=400, headers=headers, body=body)


def test_a_token_is_replaced_in_body_and_headers() -> None:
    found = without_secret(
        reply(f"no {TOKEN}, no {TOKEN}.".encode(), **{"x-id": f"req {TOKEN}", "y": "y"}), Secret(TOKEN)
    )
    assert found.body == b"no ***, no ***"
    assert found.headers == {"x-id": "req ***", "y": "y"}
    assert found.status == 400


def test_text_after_a_token_is_unchanged() -> None:
    found = without_secret(reply(f"{TOKEN}é {TOKEN}|".encode(), X=f"{TOKEN}é"), Secret(TOKEN))
    assert (found.body.decode(), found.headers["X"]) == ("***é ***|", "***é")


@pytest.mark.parametrize("end", range(12, len(TOKEN)))
def test_a_truncated_token_is_replaced_too(end: int) -> None:
    assert without_secret(reply(f"no {TOKEN[:end]} !".encode()), Secret(TOKEN)).body == b"no *** !"


@given(st.binary(), st.dictionaries(st.sampled_from(["a", "b"]), st.text()))
def test_a_reply_without_the_token_is_unchanged(body: bytes, headers: dict[str, str]) -> None:
    plain = reply(body, **headers)
    assert without_secret(plain, Secret(TOKEN)) is plain


def test_a_very_short_token_is_not_replaced() -> None:
    plain = reply(b"no token: short")
    assert without_secret(plain, Secret("short")) is plain
