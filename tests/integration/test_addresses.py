"""Valid spellings of an address work over real HTTP: IPv6, upper case, a trailing dot, the default port."""

import socket
from pathlib import Path

import pytest

from tests.integration.api_harness import ApiHarness, api_harness
from tests.integration.certificates import Authority
from tests.support.simulator.cloud import Cloud
from tests.support.simulator.server import Simulator
from vbs_reaper.backups.answer import AnswerName


def has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


needs_ipv6 = pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")


def show(harness: ApiHarness, cloud: Cloud) -> str:
    """GET a backup; return the address in its place."""
    answer = harness.show(cloud.add_backup())
    assert answer.name is AnswerName.FOUND
    assert answer.target is not None
    return answer.target.address


@needs_ipv6
@pytest.mark.parametrize("service", ["vbs", "cinder"])
def test_a_cloud_that_has_only_ipv6_is_used(service: str) -> None:
    with Simulator(host="::1").running() as cloud, api_harness(cloud, service=service) as harness:
        assert "//[::1]:" in cloud.auth_url
        assert show(harness, cloud) == cloud.url
        assert all(call.headers["Host"] == cloud.url.removeprefix("http://") for call in cloud.journal.calls)


@needs_ipv6
def test_the_certificate_of_an_ipv6_address_is_verified(tmp_path: Path) -> None:
    authority = Authority()
    for host, name in (("::1", AnswerName.FOUND), ("::2", AnswerName.TLS_FAILED)):
        tls = authority.server_context(tmp_path, host)
        with Simulator(host="::1", tls=tls).running() as cloud, api_harness(cloud, cacert=authority.pem) as harness:
            assert harness.show(cloud.add_backup()).name is name


@needs_ipv6
def test_an_ipv6_address_of_the_secret_may_be_written_in_full() -> None:
    with Simulator(host="::1").running() as cloud, api_harness(cloud) as harness:
        full = cloud.url.replace("::1", "0:0:0:0:0:0:0:0001")
        secret = cloud.target_secret() | {"volume_backup_endpoint_override": full}
        secret["auth"]["auth_url"] = secret["auth"]["auth_url"].replace("::1", "0:0:0:0:0:0:0:0001")
        harness.secrets.put(secret)
        assert show(harness, cloud) == cloud.url


def test_upper_case_and_a_trailing_dot_of_a_host_make_no_difference(cloud: Cloud) -> None:
    plain = cloud.url.replace("127.0.0.1", "localhost")
    odd = plain.replace("http://localhost", "HTTP://LocalHost.")
    cloud.change_settings(backup_addresses=(odd, plain))
    with api_harness(cloud) as harness:
        secret = cloud.target_secret()
        secret["auth"]["auth_url"] = secret["auth"]["auth_url"].replace(cloud.url, odd)
        harness.secrets.put(secret)
        assert show(harness, cloud) == plain
        hosts = {call.headers["Host"] for call in cloud.journal.calls}
        assert hosts == {plain.removeprefix("http://")}
