"""The servers listen only on 127.0.0.1, and end with the process that started them."""

import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.openstack.cloud import Cloud
from tests.openstack.environment import ROOT
from tests.openstack.waiting import wait_until

pytestmark = [pytest.mark.openstack, pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")]

LISTENS = "0A"
LOOPBACK = "0100007F"


def listening_addresses(process_id: int) -> set[str]:
    """Return the local addresses that a process listens on, in the hexadecimal form of /proc."""
    inodes = set()
    for descriptor in Path(f"/proc/{process_id}/fd").iterdir():
        with suppress(FileNotFoundError):  # A server opens and closes files while this reads the folder.
            if found := re.fullmatch(r"socket:\[(\d+)\]", str(descriptor.readlink())):
                inodes.add(found[1])
    lines = [
        line.split()
        for family in ("tcp", "tcp6")
        for line in Path(f"/proc/{process_id}/net/{family}").read_text().splitlines()[1:]
    ]
    return {fields[1].partition(":")[0] for fields in lines if fields[3] == LISTENS and fields[9] in inodes}


def children(process_id: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{process_id}/task/{process_id}/children").read_text().split()]


def is_alive(process_id: int) -> bool:
    return Path(f"/proc/{process_id}").exists()


@contextmanager
def started_by_command() -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """Start `python -m tests.openstack`; yield the process and the folder of its files."""
    command = [sys.executable, "-m", "tests.openstack"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True) as starter:
        try:
            assert starter.stdout is not None
            leaflet = []
            for line in starter.stdout:
                leaflet.append(line)
                if line.startswith("Ctrl-C"):
                    break
            (logs,) = [line for line in leaflet if line.startswith("Logs:")]
            yield starter, Path(logs.split()[1]).parent
        finally:
            starter.kill()
            starter.wait()


def test_the_servers_listen_only_on_the_loopback_address(cloud: Cloud) -> None:
    listening = {service: listening_addresses(process_id) for service, process_id in cloud.process_ids.items()}
    assert listening == {"keystone": {LOOPBACK}, "cinder": {LOOPBACK}}


def test_an_interrupt_ends_every_process_and_removes_every_file() -> None:
    with started_by_command() as (starter, folder):
        servers = children(starter.pid)
        assert len(servers) == 2
        assert folder.is_dir()
        starter.send_signal(signal.SIGINT)
        starter.communicate(timeout=120)
        assert starter.returncode == 0
        assert [server for server in servers if is_alive(server)] == []
        assert not folder.exists()


def test_servers_end_when_their_parent_process_is_killed() -> None:
    with started_by_command() as (starter, folder):
        servers = children(starter.pid)
        starter.kill()
        starter.wait()
        wait_until("both servers have ended", lambda: not any(map(is_alive, servers)))
    shutil.rmtree(folder)
