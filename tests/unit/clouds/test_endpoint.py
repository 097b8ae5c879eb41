"""Addresses: which spellings are equal, and what they contain."""

import pytest
from hypothesis import given, strategies as st

from vbs_reaper.clouds.endpoint import Endpoint, read_endpoint, root_of, show_place
from vbs_reaper.errors import InvalidEndpoint

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
        ("https://10.0.0.1:443/v3.0", "https://10.0.0.1", "v3.0", None),
        ("https://10.0.0.1:80/v3.0", "https://10.0.0.1:80", "v3.0", None),
        ("http://10.0.0.1:80/v3", "http://10.0.0.1", "v3", None),
        ("HTTPS://VBS.Example/V2", "https://vbs.example/V2", None, None),
        ("Https://vbs.example./v2", "https://vbs.example", "v2", None),
        ("https://VBS.EXAMPLE.:443/", "https://vbs.example", None, None),
        ("https://[2001:db8::10]:5000/v3", "https://[2001:db8::10]:5000", "v3", None),
        ("https://[2001:DB8:0:0::0010]/volume/v3", "https://[2001:db8::10]/volume", "v3", None),
        ("https://[2001:db8::10]:443", "https://[2001:db8::10]", None, None),
        ("http://[::1]:8776/v3/", "http://[::1]:8776", "v3", None),
        ("https://[::FFFF:192.0.2.1]", "https://[::ffff:192.0.2.1]", None, None),
        ("https://[::ffff:c000:201]", "https://[::ffff:192.0.2.1]", None, None),
        ("https://10.0.0.1./v3", "https://10.0.0.1", "v3", None),
        ("https://1und1.example", "https://1und1.example", None, None),
        ("https://iam-0x7f.example-1", "https://iam-0x7f.example-1", None, None),
    ],
)
def test_an_address_is_parsed(url: str, root: str, version: str | None, project_id: str | None) -> None:
    assert read_endpoint(url, insecure_http=True) == Endpoint(root=root, version=version, project_id=project_id)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "vbs.example",
        "ftp://vbs.example",
        "https://",
        "https:///v2",
        "https://user:secret@vbs.example",
        "https://vbs.example..",
        "https://.vbs.example",
        "https://.",
        "https://user:secret@[2001:db8::10]",
        "https://[2001:db8::10",
        "https://2001:db8::10/v3",
        "https://[2001:db8::10%25eth0]",
        "https://[fe80::1%eth0]/v3",
        "https://[2001:db8:::10]",
        "https://[2001:db8::10::1]",
        "https://[2001:db8::12345]",
        "https://[1:2:3:4:5:6:7:8:9]",
        "https://[::ffff:192.0.2.256]",
        "https://[::ffff:192.0.02.1]",
        "https://[10.0.0.1]",
        "https://[]",
        "https://[v1.fe80]",
        "https://[::1].",
        "https://[::1]x",
        "https://[::1]:0",
        "https://0177.0.0.1",
        "https://127.1",
        "https://2130706433",
        "https://0x7f000001",
        "https://0X7F.0.0.1",
        "https://0x7f.0.0.0x1",
        "https://10.0.0.01",
        "https://10.0.0.256",
        "https://10.0.0.1.1",
        "https://vbs.example.1",
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
def test_other_addresses_are_refused_without_being_quoted(url: str) -> None:
    with pytest.raises(InvalidEndpoint) as refusal:
        read_endpoint(url, insecure_http=True)
    assert "secret" not in str(refusal.value)


def test_plain_http_must_be_enabled() -> None:
    with pytest.raises(InvalidEndpoint, match=r"is not https.*insecure_http"):
        read_endpoint("http://127.0.0.1:8776", insecure_http=False)
    assert read_endpoint("http://127.0.0.1:8776", insecure_http=True).root == "http://127.0.0.1:8776"


@given(st.text(max_size=60) | st.from_regex(r"https://[a-z./:@?#%0-9\\-]{0,30}", fullmatch=True))
def test_a_parsed_address_is_unchanged_or_refused(url: str) -> None:
    try:
        endpoint = read_endpoint(url, insecure_http=False)
    except InvalidEndpoint:
        return
    assert read_endpoint(endpoint.url, insecure_http=False) == endpoint
    host, _, path = url.removeprefix("https://").partition("/")
    assert endpoint.url == "/".join(
        filter(None, [f"https://{host.removesuffix(':443').rstrip('.')}", path.rstrip("/")])
    ) or (".:" in host)


@given(
    st.from_regex(r"https?://[a-z]{1,3}\.?(:(80|443|8776))?(/[a-z]{1,3})?(/v[23](/[01]{32})?)?/?", fullmatch=True)
    | st.ip_addresses(v=6).map(lambda address: f"https://[{address.exploded}]:8776/v3")
    | st.ip_addresses(v=4).map(lambda address: f"https://{address}/v3")
)
def test_every_spelling_of_an_address_is_the_same_address(url: str) -> None:
    scheme, _, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    shouted = f"{scheme.upper()}://{host.upper()}{slash}{path}"
    endpoint = read_endpoint(url, insecure_http=True)
    assert read_endpoint(shouted, insecure_http=True) == endpoint
    assert root_of(shouted) == root_of(url) == endpoint.root
    assert show_place(endpoint.root) == endpoint.root


@pytest.mark.parametrize(
    "url",
    [
        "https://VBS.Example/volume",
        "HTTPS://vbs.example/volume",
        "https://vbs.example./volume",
        "https://vbs.example:443/volume/",
        "https://vbs.example/volume//",
        "https://user:canary@vbs.example/volume/v3",
        f"https://vbs.EXAMPLE:443/volume/v2/{PROJECT}/",
    ],
)
def test_an_address_that_is_written_differently_has_the_same_root(url: str) -> None:
    assert root_of(url) == "https://vbs.example/volume"


@pytest.mark.parametrize(
    "url",
    [
        "https://vbs.example/volume",
        "http://vbs.example",
        "https://vbs.example:80",
        "https://vbs2.example",
        "https://vbs.example/Volume",
        "https://vbs.example?token=canary",
        "https://vbs.example#canary",
        "https://[2001:db8::10]",
        "https://[2001:db8::10]:8776",
        "https://[canary",
        "https://vbs.example:canary",
        "",
        "canary",
        "/canary",
    ],
)
def test_another_address_has_another_root_and_shows_no_secret(url: str) -> None:
    assert root_of(url) != "https://vbs.example"
    assert "canary" not in show_place(root_of(url))


def test_a_root_is_shown_completely_only_if_it_is_a_plain_address() -> None:
    assert show_place("https://vbs.example:8776/volume") == "https://vbs.example:8776/volume"
    assert show_place("https://vbs.example/x?token=canary") == "vbs.example"
    assert show_place(root_of("https://[2001:DB8::10]:443/v3")) == "https://[2001:db8::10]"
    assert show_place(root_of("https://user:canary@[2001:DB8::10]/?canary")) == "2001:db8::10"
    assert root_of("https://[2001:DB8:0::10]:443/v3") == root_of("https://u:p@[2001:db8::10]/v2/")
    assert show_place("https://[canary") == "an unreadable address"
