"""Every legal spelling of an address is called over real HTTP: IPv6, capitals, a dot at the end, the default port."""

import socket
from pathlib import Path

import pytest

from tests.integration.certificates import Authority
from tests.integration.reach import Reach, reaching
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


def show(reach: Reach, cloud: Cloud) -> str:
    """See a backup, and return the address where it was."""
    answer = reach.show(cloud.add_backup())
    assert answer.name is AnswerName.FOUND
    assert answer.target is not None
    return answer.target.address


@needs_ipv6
@pytest.mark.parametrize("service", ["vbs", "cinder"])
def test_a_cloud_that_has_only_ipv6_is_used(service: str) -> None:
    with Simulator(host="::1").running() as cloud, reaching(cloud, service=service) as reach:
        assert "//[::1]:" in cloud.auth_url
        assert show(reach, cloud) == cloud.url
        assert all(call.headers["Host"] == cloud.url.removeprefix("http://") for call in cloud.journal.calls)


@needs_ipv6
def test_the_certificate_of_an_ipv6_address_is_verified(tmp_path: Path) -> None:
    authority = Authority()
    for host, name in (("::1", AnswerName.FOUND), ("::2", AnswerName.TLS_FAILED)):
        tls = authority.server_context(tmp_path, host)
        with Simulator(host="::1", tls=tls).running() as cloud, reaching(cloud, cacert=authority.pem) as reach:
            assert reach.show(cloud.add_backup()).name is name


@needs_ipv6
def test_an_ipv6_address_of_the_secret_may_be_written_in_full() -> None:
    with Simulator(host="::1").running() as cloud, reaching(cloud) as reach:
        full = cloud.url.replace("::1", "0:0:0:0:0:0:0:0001")
        secret = cloud.target_secret() | {"volume_backup_endpoint_override": full}
        secret["auth"]["auth_url"] = secret["auth"]["auth_url"].replace("::1", "0:0:0:0:0:0:0:0001")
        reach.shelf.put(secret)
        assert show(reach, cloud) == cloud.url


def test_capitals_and_a_dot_at_the_end_of_a_host_make_no_difference(cloud: Cloud) -> None:
    plain = cloud.url.replace("127.0.0.1", "localhost")
    odd = plain.replace("http://localhost", "HTTP://LocalHost.")
    cloud.change_settings(backup_addresses=(odd, plain))
    with reaching(cloud) as reach:
        secret = cloud.target_secret()
        secret["auth"]["auth_url"] = secret["auth"]["auth_url"].replace(cloud.url, odd)
        reach.shelf.put(secret)
        assert show(reach, cloud) == plain
        hosts = {call.headers["Host"] for call in cloud.journal.calls}
        assert hosts == {plain.removeprefix("http://")}
