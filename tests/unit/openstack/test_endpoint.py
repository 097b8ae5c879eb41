"""Addresses: which texts are one, and what they name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vbs_reaper.openstack.endpoint import Endpoint
from vbs_reaper.openstack.endpoint import EndpointUnusable
from vbs_reaper.openstack.endpoint import read_endpoint

PROJECT = "0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize(
    ("url", "root", "version", "project_id"),
    [
        ("https://vbs.eu-de.otc.t-systems.com", "https://vbs.eu-de.otc.t-systems.com", None, None),
        ("https://vbs.eu-de.otc.t-systems.com/", "https://vbs.eu-de.otc.t-systems.com", None, None),
        ("https://vbs.example/v2", "https://vbs.example", "v2", None),
        (f"https://vbs.example/v2/{PROJECT}", "https://vbs.example", "v2", PROJECT),
        (f"https://vbs.example:8776/v3/{PROJECT}/", "https://vbs.example:8776", "v3", PROJECT),
        (f"https://cloud.example/volume/v3/{PROJECT}", "https://cloud.example/volume", "v3", PROJECT),
        ("https://cloud.example/volume", "https://cloud.example/volume", None, None),
        ("https://10.0.0.1:443/v3.0", "https://10.0.0.1:443", "v3.0", None),
    ],
)
def test_an_address_is_taken_apart(url: str, root: str, version: str | None, project_id: str | None) -> None:
    assert read_endpoint(url, insecure_http=False) == Endpoint(root=root, version=version, project_id=project_id)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "vbs.example",
        "ftp://vbs.example",
        "https://",
        "https:///v2",
        "https://user:secret@vbs.example",
        "https://VBS.example",
        "https://vbs.example?x=1",
        "https://vbs.example#x",
        "https://vbs.example/v2//x",
        "https://vbs.example/../x",
        "https://vbs.example/./x",
        "https://vbs.example/..",
        "https://vbs.example/%2e%2e/x",
        "https://vbs.example:0443",
        "https://vbs.example:99999",
        "https://vbs.example:",
        "https://vbs.example\n",
        " https://vbs.example",
        "https://vbs.ｅxample",
        "https://vbs.example\\@evil.example",
        "https://-vbs.example",
    ],
)
def test_what_is_no_plain_address_is_refused_without_being_quoted(url: str) -> None:
    with pytest.raises(EndpointUnusable) as refusal:
        read_endpoint(url, insecure_http=True)
    assert "secret" not in str(refusal.value)


def test_plain_http_is_for_those_who_say_so() -> None:
    with pytest.raises(EndpointUnusable, match=r"is not https.*insecure_http"):
        read_endpoint("http://127.0.0.1:8776", insecure_http=False)
    assert read_endpoint("http://127.0.0.1:8776", insecure_http=True).root == "http://127.0.0.1:8776"


@given(st.text(max_size=60) | st.from_regex(r"https://[a-z./:@?#%0-9\\-]{0,30}", fullmatch=True))
def test_an_address_comes_back_as_it_was_or_not_at_all(url: str) -> None:
    try:
        endpoint = read_endpoint(url, insecure_http=False)
    except EndpointUnusable:
        return
    parts = [endpoint.root, *(part for part in (endpoint.version, endpoint.project_id) if part)]
    assert "/".join(parts) == url.rstrip("/")
