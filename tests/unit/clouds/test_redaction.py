"""No piece of a token is left in a reply that quotes it, and nothing else is touched."""

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


def test_what_follows_a_token_and_is_none_of_it_stays() -> None:
    found = without_secret(reply(f"{TOKEN}é {TOKEN}|".encode(), X=f"{TOKEN}é"), Secret(TOKEN))
    assert (found.body.decode(), found.headers["X"]) == ("***é ***|", "***é")


@pytest.mark.parametrize("end", range(12, len(TOKEN)))
def test_a_token_that_is_cut_short_is_replaced_too(end: int) -> None:
    assert without_secret(reply(f"no {TOKEN[:end]} !".encode()), Secret(TOKEN)).body == b"no *** !"


@given(st.binary(), st.dictionaries(st.sampled_from(["a", "b"]), st.text()))
def test_a_reply_that_does_not_quote_it_stays_as_it_is(body: bytes, headers: dict[str, str]) -> None:
    plain = reply(body, **headers)
    assert without_secret(plain, Secret(TOKEN)) is plain


def test_a_token_too_short_to_be_told_from_words_is_left() -> None:
    plain = reply(b"no token: short")
    assert without_secret(plain, Secret("short")) is plain
