"""Cinder's own rate limiter, and its API under the path that other clouds give it."""

from tests.contract.answer import ACCEPTED, REQUEST_ID, Answer, cinder
from tests.contract.peer import Person
from tests.contract.visitor import Visitor

ALLOWED = 3


def limited(retry_after: str) -> Answer:
    details = f"Only {ALLOWED} DELETE request(s) can be made to * every minute."
    return Answer(
        status=413,
        headers={
            "Content-Type": "text/html; charset=UTF-8",
            "Retry-After": retry_after,
            "X-OpenStack-Request-Id": REQUEST_ID,
        },
        body={"overLimitFault": {"code": 413, "message": "This request was rate-limited.", "details": details}},
    )


def test_beyond_the_rate_a_delete_is_413_as_html_with_seconds_to_wait(visitor: Visitor) -> None:
    names = [visitor.write(f"b{number}") and f"b{number}" for number in range(ALLOWED + 1)]
    visitor.peer.set_rate_limit(ALLOWED)
    assert [visitor.delete(name) for name in names[:ALLOWED]] == [ACCEPTED] * ALLOWED
    answer = visitor.delete(names[ALLOWED])
    retry_after = answer.headers["Retry-After"]
    assert answer == limited(retry_after)
    assert 1 <= int(retry_after) <= 20


def test_a_look_is_not_counted_as_a_delete(visitor: Visitor) -> None:
    for name in ("one", "two"):
        visitor.write(name)
    visitor.peer.set_rate_limit(1)
    assert visitor.delete("one") == ACCEPTED
    assert visitor.show("two").status == 200
    assert visitor.delete("two").status == 413


def test_another_users_deletes_are_counted_apart(visitor: Visitor) -> None:
    visitor.write("mine")
    visitor.write("theirs", owner=Person.NEIGHBOUR)
    visitor.peer.set_rate_limit(1)
    assert visitor.delete("mine") == ACCEPTED
    assert visitor.call("DELETE", "/v3/NEXT_DOOR/backups/<theirs>", Person.NEIGHBOUR) == ACCEPTED


def test_under_v2_a_list_is_the_same_but_its_links_lose_the_project(visitor: Visitor) -> None:
    visitor.write("older")
    visitor.write("newer")
    visitor.peer.serve_v2(on=True)
    links = [
        {"rel": "self", "href": "CINDER/v2/backups/<newer>"},
        {"rel": "bookmark", "href": "CINDER/backups/<newer>"},
    ]
    following = {"rel": "next", "href": "CINDER/v2/backups?limit=1&marker=<newer>"}
    body = {"backups": [{"id": "<newer>", "name": "newer", "links": links}], "backups_links": [following]}
    assert visitor.call("GET", "/v2/PROJECT/backups?limit=1") == cinder(200, body)


def test_under_v2_a_delete_is_accepted(visitor: Visitor) -> None:
    visitor.write("mine")
    visitor.peer.serve_v2(on=True)
    assert visitor.call("DELETE", "/v2/PROJECT/backups/<mine>") == ACCEPTED
