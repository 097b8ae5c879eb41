"""The rate limiter of Cinder, and its API under /v2, the path in other clouds."""

from tests.contract.answer import ACCEPTED, REQUEST_ID, Answer, cinder
from tests.contract.peer import Person
from tests.contract.peer_client import PeerClient

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


def test_a_delete_over_the_limit_gets_413_as_html_with_retry_after(client: PeerClient) -> None:
    names = [client.write(f"b{number}") and f"b{number}" for number in range(ALLOWED + 1)]
    client.peer.set_rate_limit(ALLOWED)
    assert [client.delete(name) for name in names[:ALLOWED]] == [ACCEPTED] * ALLOWED
    answer = client.delete(names[ALLOWED])
    retry_after = answer.headers["Retry-After"]
    assert answer == limited(retry_after)
    assert 1 <= int(retry_after) <= 20


def test_a_get_is_not_counted_as_a_delete(client: PeerClient) -> None:
    for name in ("one", "two"):
        client.write(name)
    client.peer.set_rate_limit(1)
    assert client.delete("one") == ACCEPTED
    assert client.show("two").status == 200
    assert client.delete("two").status == 413


def test_deletes_of_another_user_are_counted_separately(client: PeerClient) -> None:
    client.write("mine")
    client.write("theirs", owner=Person.NEIGHBOUR)
    client.peer.set_rate_limit(1)
    assert client.delete("mine") == ACCEPTED
    assert client.call("DELETE", "/v3/FOREIGN/backups/<theirs>", Person.NEIGHBOUR) == ACCEPTED


def test_a_list_under_v2_is_the_same_except_that_links_lack_the_project(client: PeerClient) -> None:
    client.write("older")
    client.write("newer")
    client.peer.serve_v2(on=True)
    links = [
        {"rel": "self", "href": "CINDER/v2/backups/<newer>"},
        {"rel": "bookmark", "href": "CINDER/backups/<newer>"},
    ]
    following = {"rel": "next", "href": "CINDER/v2/backups?limit=1&marker=<newer>"}
    body = {"backups": [{"id": "<newer>", "name": "newer", "links": links}], "backups_links": [following]}
    assert client.call("GET", "/v2/PROJECT/backups?limit=1") == cinder(200, body)


def test_under_v2_a_delete_is_accepted(client: PeerClient) -> None:
    client.write("mine")
    client.peer.serve_v2(on=True)
    assert client.call("DELETE", "/v2/PROJECT/backups/<mine>") == ACCEPTED
