"""Ten first connections over TLS: reading the authorities' bundle costs more than everything else about one."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import requests
from requests.adapters import DEFAULT_CA_BUNDLE_PATH

from tests.benchmarks.measure import take_turns
from tests.benchmarks.servers import stub
from tests.benchmarks.table import Row
from tests.integration.certificates import Authority
from vbs_reaper.clouds.http.transport import Transport

CONNECTIONS: Final = 10


def measure_tls(rounds: int) -> list[Row]:
    """Rows for a further connection, and for the first ten with all that comes before them."""
    with TemporaryDirectory() as name:
        folder, authority = Path(name), Authority()
        bundle = folder / "bundle.pem"
        bundle.write_text(Path(DEFAULT_CA_BUNDLE_PATH).read_text(encoding="utf-8") + authority.pem, encoding="utf-8")
        authority.server_context(folder)
        certificate = (folder / "127.0.0.1.pem", folder / "127.0.0.1.key")
        with stub(certificate=certificate) as at:
            return _rows(at.url, bundle, rounds)


def _rows(url: str, bundle: Path, rounds: int) -> list[Row]:
    trusted = bundle.read_text(encoding="utf-8")
    request = requests.Request("GET", f"{url}/v3/").prepare()
    kept = Transport(calls_at_once=CONNECTIONS, cacert=trusted)

    def connect(transport: Transport) -> None:
        for _ in range(CONNECTIONS):
            transport.send(request, body_limit=65536, on_fresh_connection=True)

    def anew() -> None:
        transport = Transport(calls_at_once=CONNECTIONS, cacert=trusted)
        connect(transport)
        transport.close()

    def with_requests() -> None:
        with requests.Session() as session:
            # Nobody gives one back before the last has come: as ten threads do at once.
            held = [session.get(f"{url}/v3/", timeout=10, verify=str(bundle), stream=True) for _ in range(CONNECTIONS)]
            for response in held:
                response.close()

    spent = take_turns({"further": lambda: connect(kept), "anew": anew, "requests": with_requests}, rounds)
    kept.close()

    def row(name: str, ours: str, aim: float | None) -> Row:
        pairs = [
            (mine.cpu_s / CONNECTIONS * 1000, peer.cpu_s / CONNECTIONS * 1000)
            for mine, peer in zip(spent[ours], spent["requests"], strict=True)
        ]
        return Row(part="TLS", name=f"{name} / requests.Session", pairs=pairs, unit="ms CPU each", aim=aim)

    return [row("a further connection", "further", 0.1), row("each of the first ten, bundle read", "anew", None)]
