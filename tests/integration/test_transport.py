"""The transport: deadlines, size limits, connections, trusted certificates, and the text of exceptions."""

import logging
import socket
import ssl
import threading
import time
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from io import DEFAULT_BUFFER_SIZE as BUFFER_SIZE
from pathlib import Path
from typing import Any

import pytest
from requests.adapters import DEFAULT_CA_BUNDLE_PATH

from tests.integration.api_harness import TARGET, FakeTimeLeft, api_harness
from tests.integration.certificates import Authority
from tests.integration.scripted_server import (
    Flood,
    Script,
    ScriptedServer,
    Write,
    answer,
    closing_after,
    dripping,
    responding,
)
from tests.support.simulator.cloud import Cloud
from tests.support.simulator.faults import Breakage, Fault
from tests.support.simulator.server import Simulator
from tests.support.simulator.settings import SimulatorSettings
from vbs_reaper.backups.answer import AnswerName
from vbs_reaper.clouds.http.connection import make_tls_context
from vbs_reaper.clouds.http.deadline import FRAMING_BYTES, CallFailed, Exchange, Reply
from vbs_reaper.clouds.http.transport import HttpRequest, Transport

CANARY = "canary-token-51c0ffee"
LIMIT = 64 * 1024
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.fixture
def transport() -> Iterator[Transport]:
    transport = Transport(calls_at_once=5, deadline_s=1.0, connect_s=0.6)  # long enough for a busy machine
    yield transport
    transport.close()


@pytest.fixture
def patient() -> Iterator[Transport]:
    transport = Transport(calls_at_once=5)
    yield transport
    transport.close()


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


def send(transport: Transport, url: str, *, limit: int = LIMIT, fresh: bool = False) -> Reply:
    request = HttpRequest("GET", f"{url}/v2/x", {"X-Auth-Token": CANARY})
    return transport.send(request, body_limit=limit, on_fresh_connection=fresh)


def failure(transport: Transport, url: str, *, fresh: bool = False) -> CallFailed:
    with pytest.raises(CallFailed) as failed:
        send(transport, url, fresh=fresh)
    return failed.value


def of_script(transport: Transport, script: Script) -> CallFailed:
    with ScriptedServer(script).running() as server:
        return failure(transport, server.url)


# ------------------------------------------------------------------ deadlines


@pytest.mark.parametrize(
    "script",
    [
        dripping(answer(200, b"{}", "X-Padding: " + "x" * 200)),
        dripping(b"X-Padding: " + b"x" * 400, whole=b"HTTP/1.1 200 OK\r\n"),
        dripping(b"x" * 400),
        dripping(b"HTTP/1.1 100 Continue\r\n\r\n" * 20),
        lambda _, stopping: stopping.wait() and None,
    ],
    ids=["whole answer", "headers", "no http at all", "endless 100s", "silence"],
)
def test_slow_headers_do_not_exceed_the_deadline(transport: Transport, script: Script) -> None:
    failed = of_script(transport, script)
    assert (failed.name, failed.status_code, failed.is_stale) == (AnswerName.TIMED_OUT, "ReadTimeout", False)


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 400\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n190\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n",
    ],
    ids=["length", "until the end", "in a chunk", "size of a chunk", "trailers"],
)
def test_a_slow_body_does_not_exceed_the_deadline(transport: Transport, head: bytes) -> None:
    with ScriptedServer(dripping(b"1" * 400, whole=head)).running() as server:
        reply = send(transport, server.url)
    assert reply.status == 200
    assert reply.broken is not None
    assert (reply.broken.name, reply.body) == (AnswerName.TIMED_OUT, b"")


def test_a_host_that_accepts_no_connection_is_unreachable_within_the_deadline(transport: Transport) -> None:
    with socket.socket() as deaf, socket.socket() as first, socket.socket() as second:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        first.connect(deaf.getsockname())
        second.setblocking(False)
        second.connect_ex(deaf.getsockname())
        failed = failure(transport, f"http://127.0.0.1:{deaf.getsockname()[1]}")
    assert (failed.name, failed.status_code) == (AnswerName.UNREACHABLE, "ConnectTimeout")


def test_a_host_without_a_tls_handshake_is_unreachable_within_the_deadline(transport: Transport) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        failed = failure(transport, f"https://127.0.0.1:{silent.getsockname()[1]}")
    assert (failed.name, failed.status_code) == (AnswerName.UNREACHABLE, "ConnectTimeout")


def test_an_unresponsive_name_server_does_not_exceed_the_deadline(
    transport: Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    with name_server_that_waits(monkeypatch) as answers:
        for scheme in ("http", "https"):
            failed = failure(transport, f"{scheme}://vbs.example:1")
            assert (failed.name, failed.status_code) == (AnswerName.UNREACHABLE, "ConnectTimeout")
        assert not answers


def test_a_login_does_not_wait_for_a_name_server_beyond_its_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    with Simulator().running() as cloud, api_harness(cloud, deadline_s=0.25) as harness:
        secret = cloud.target_secret()
        secret["auth"]["auth_url"] = "https://iam.example/v3"
        harness.secrets.put(secret)
        with name_server_that_waits(monkeypatch) as answers:
            assert harness.show("11111111-2222-4333-8444-555555555555").name is AnswerName.LOGIN_UNAVAILABLE
            assert not answers


@contextmanager
def name_server_that_waits(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Answer no lookup before the block ends, or for a minute; yield the names that were answered."""
    over = threading.Event()
    answers: list[str] = []

    def wait(host: str, *_: Any, **__: Any) -> list[Any]:  # noqa: ANN401  # not used
        over.wait(60)
        answers.append(host)
        return []

    with monkeypatch.context() as patched:
        patched.setattr(socket, "getaddrinfo", wait)
        try:
            yield answers
        finally:
            over.set()


def test_a_late_answer_of_a_name_server_is_not_used(transport: Transport, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    look_up = socket.getaddrinfo

    def late(host: str, port: int, **more: Any) -> Any:  # noqa: ANN401  # passed on
        asked.append(host)
        time.sleep(1.4)
        return look_up("127.0.0.1", port, **more)

    monkeypatch.setattr(socket, "getaddrinfo", late)
    with ScriptedServer(responding(answer(200))).running() as server:
        failed = failure(transport, server.url.replace("127.0.0.1", "vbs.example"))
        time.sleep(0.8)
        assert (failed.name, asked, server.connections) == (AnswerName.UNREACHABLE, ["vbs.example"], 0)


def test_a_name_that_is_resolved_in_time_is_called(patient: Transport, monkeypatch: pytest.MonkeyPatch) -> None:
    look_up = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda _, port, **more: look_up("127.0.0.1", port, **more))
    with ScriptedServer(responding(answer(200))).running() as server:
        assert send(patient, server.url.replace("127.0.0.1", "vbs.example")).status == 200


# ------------------------------------------------------------------ connections


@pytest.mark.parametrize("host", ["nowhere.invalid", "x" * 64 + ".invalid", "a..b"])
def test_a_host_without_an_address_is_unreachable(transport: Transport, host: str) -> None:
    failed = failure(transport, f"http://{host}:1")
    assert (failed.name, failed.status_code) == (AnswerName.UNREACHABLE, "ConnectionError")


def test_a_refused_connection_is_unreachable(transport: Transport) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    failed = failure(transport, f"http://127.0.0.1:{port}")
    assert (failed.name, failed.status_code, failed.is_stale) == (AnswerName.UNREACHABLE, "ConnectionError", False)


def test_a_reused_connection_that_closes_without_a_byte_is_stale_and_with_a_byte_is_not(patient: Transport) -> None:
    simulator = Simulator()
    with simulator.running() as cloud:
        send(patient, cloud.url)
        cloud.inject(Fault(breakage=Breakage.CLOSE))
        assert failure(patient, cloud.url).is_stale
        send(patient, cloud.url)
        cloud.inject(Fault(breakage=Breakage.GARBAGE))
        assert not failure(patient, cloud.url).is_stale
        cloud.inject(Fault(breakage=Breakage.CLOSE))
        assert not failure(patient, cloud.url).is_stale


def test_a_new_connection_is_opened_on_request(patient: Transport) -> None:
    with ScriptedServer(responding(answer(200, b"{}"))).running() as server:
        for fresh in (False, False, True, False):
            send(patient, server.url, fresh=fresh)
        assert server.connections == 2


@pytest.mark.parametrize("status", [101, 103, 199])
def test_after_an_interim_answer_the_next_call_gets_its_own_answer(patient: Transport, status: int) -> None:
    interim = f"HTTP/1.1 {status} X\r\n\r\n".encode() + answer(200, b"stray")
    with ScriptedServer(responding(interim, answer(404, b"own"))).running() as server:
        assert send(patient, server.url).status == status
        reply = send(patient, server.url)
    assert (reply.status, reply.body) == (404, b"own")


def test_extra_bytes_after_an_answer_are_never_read_as_the_next_answer(patient: Transport) -> None:
    with ScriptedServer(responding(answer(204) + answer(202), answer(404, b"own"))).running() as server:
        assert send(patient, server.url).status == 204
        replies = [send(patient, server.url).status]
    assert replies == [404]


def test_extra_bytes_that_tls_has_decrypted_already_are_not_read_as_the_next_answer(
    authority: Authority, tmp_path: Path
) -> None:
    first = answer(200, b"x" * (BUFFER_SIZE - len(answer(200, b"", "X-Padding: 1234"))), "X-Padding: 1")
    assert len(first) == BUFFER_SIZE, "http.client reads as much at once, so the extra bytes stay in the TLS socket"
    transport = Transport(calls_at_once=5, cacert=authority.pem)
    script = responding(first + answer(202), answer(404, b"own"))
    with ScriptedServer(script, tls=authority.server_context(tmp_path)).running() as server:
        assert [send(transport, server.url).status for _ in range(2)] == [200, 404]
    transport.close()


@pytest.mark.parametrize("status", [204, 304])
@pytest.mark.parametrize("header", ["Transfer-Encoding: chunked", "Content-Length: 5"])
@pytest.mark.parametrize("body", [b"", b"5\r\nstray\r\n0\r\n\r\n"], ids=["none", "stray"])
def test_a_status_without_a_body_has_none_and_if_it_states_one_its_connection_is_closed(
    transport: Transport, status: int, header: str, body: bytes
) -> None:
    """RFC 9112 section 6.3: it ends with its headers, whatever they say. What follows is not the next response."""
    contradiction = f"HTTP/1.1 {status} X\r\n{header}\r\n\r\n".encode() + body
    with ScriptedServer(responding(contradiction, answer(404, b"own"))).running() as server:
        empty, own = send(transport, server.url), send(transport, server.url)
        assert server.connections == 2
    assert (empty.status, empty.body, empty.broken) == (status, b"", None)
    assert (own.status, own.body) == (404, b"own")


@pytest.mark.parametrize("status", [204, 304])
@pytest.mark.parametrize("header", ["X-None: 1", "Content-Length: 0"])
def test_the_connection_of_a_response_without_a_body_is_kept(patient: Transport, status: int, header: str) -> None:
    empty = f"HTTP/1.1 {status} X\r\n{header}\r\n\r\n".encode()
    with ScriptedServer(responding(empty, answer(404, b"own"))).running() as server:
        assert [send(patient, server.url).status for _ in range(2)] == [status, 404]
        assert server.connections == 1


# ------------------------------------------------------------------ limits


def test_a_body_of_exactly_the_limit_is_read_and_a_byte_more_is_not(patient: Transport) -> None:
    bodies = [b"x" * LIMIT, b"x" * (LIMIT + 1)]
    with ScriptedServer(responding(*(answer(200, body) for body in bodies))).running() as server:
        whole, too_long = send(patient, server.url), send(patient, server.url)
    assert (len(whole.body), whole.broken) == (LIMIT, None)
    assert (too_long.status, too_long.body, too_long.broken) == (200, b"", None)


@pytest.mark.parametrize(
    ("piece", "what"), [(b"1000\r\n" + b"x" * 4096 + b"\r\n", "body"), (b"X-Padding: x\r\n" * 64, "headers")]
)
def test_endless_headers_and_bodies_are_not_read_beyond_their_limit(
    patient: Transport, piece: bytes, what: str
) -> None:
    def endless(write: Write, _: threading.Event) -> None:
        write(CHUNKED if what == "body" else b"HTTP/1.1 200 OK\r\n")
        while True:
            write(piece)

    with ScriptedServer(endless).running() as server:
        if what == "body":
            reply = send(patient, server.url)
            assert (reply.status, reply.body) == (200, b"")
        else:
            assert failure(patient, server.url).name is AnswerName.CONNECTION_LOST


@pytest.mark.parametrize("endless", [b"-1\r\n", b"0\r\n", b"fffffff\r\n"], ids=["negative", "trailers", "long"])
def test_no_chunk_can_exceed_the_limit_of_an_answer(patient: Transport, endless: bytes) -> None:
    flood = Flood(CHUNKED + endless)
    with (
        ScriptedServer(flood).running() as server,
        patient.exchange(body_limit=LIMIT) as exchange,
    ):
        patient.session.get(server.url)
    assert flood.was_cut_short
    assert (
        exchange.received <= 2 * LIMIT + FRAMING_BYTES + LIMIT
    )  # the last term is what one read of a socket may return
    assert exchange.reply is not None
    assert (exchange.reply.status, exchange.reply.body) == (200, b"")


def test_endless_data_before_the_status_line_is_a_lost_connection(patient: Transport) -> None:
    flood = Flood(b"HTTP/1.1 100 Continue\r\n\r\n" * 100_000)
    failed = of_script(patient, flood)
    assert (failed.name, failed.message) == (AnswerName.CONNECTION_LOST, "the response is larger than allowed")
    assert flood.was_cut_short


def test_an_exchange_reads_at_most_twice_its_limit_plus_framing_and_ends_at_its_deadline() -> None:
    exchange = Exchange(ends_at=0.0, connect_s=0.0, body_limit=LIMIT)
    with pytest.raises(CallFailed) as late:
        exchange.left_s()
    assert late.value.name is AnswerName.TIMED_OUT
    exchange.take(LIMIT)
    exchange.take(LIMIT + FRAMING_BYTES)
    with pytest.raises(CallFailed) as failed:
        exchange.take(1)
    assert (failed.value.name, failed.value.status_code) == (AnswerName.CONNECTION_LOST, "ConnectionError")


@pytest.mark.parametrize("size", [b"-5", b"-2", b"-1", b"five", b""])
def test_a_chunk_without_a_size_breaks_the_answer_but_keeps_its_status(patient: Transport, size: bytes) -> None:
    with ScriptedServer(closing_after(CHUNKED + size + b"\r\nhello\r\n0\r\n\r\n")).running() as server:
        reply = send(patient, server.url)
        assert (reply.status, reply.body) == (200, b"")
        assert reply.broken is not None
        assert (reply.broken.name, reply.broken.status_code) == (AnswerName.CONNECTION_LOST, "ConnectionError")
        assert send(patient, server.url).broken is not None
        assert server.connections == 2


@pytest.mark.parametrize(
    "nonsense",
    [
        b"",
        b"\r\n",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n",
        b"HTTP/9 200 OK\r\n\r\n",
        b"\x16\x03\x01" * 30 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Type: multipart/mixed; boundary*=idna''%ff\r\n\r\n",
    ],
)
def test_a_response_that_is_not_http_is_a_lost_connection(patient: Transport, nonsense: bytes) -> None:
    assert of_script(patient, closing_after(nonsense)).name is AnswerName.CONNECTION_LOST


@pytest.mark.parametrize("cut", [17, 26, 38, 46, 59])
def test_truncated_headers_are_an_incomplete_answer(patient: Transport, cut: int) -> None:
    def script(write: object, _: object) -> None:
        assert callable(write)
        write(
            b"HTTP/1.1 200 OK\r\nServer: x\r\nContent-Length: 2\r\n\r\n{}"[:cut] if cut < 47 else b"HTTP/1.1 200 OK\r\n"
        )
        raise OSError  # close the connection

    with ScriptedServer(script).running() as server:
        assert send(patient, server.url).broken is not None


def test_headers_have_names_in_lower_case_and_repeated_ones_are_joined(transport: Transport) -> None:
    script = responding(answer(200, b"{}", "X-OpenStack-Request-ID: req-1", "Age: 0", "AGE: 5"))
    with ScriptedServer(script).running() as server:
        reply = send(transport, server.url)
    assert (reply.headers["x-openstack-request-id"], reply.headers["age"], reply.age) == ("req-1", "0, 5", "0, 5")


# ------------------------------------------------------------------ trust


@pytest.fixture
def tls_cloud(authority: Authority, tmp_path: Path) -> Iterator[Cloud]:
    """A slow cloud with TLS and a certificate of the private authority."""
    settings = SimulatorSettings(latency_seconds=0.02)
    with Simulator(settings, tls=authority.server_context(tmp_path)).running() as cloud:
        yield cloud


def test_a_private_authority_is_loaded_once_and_trusted_if_the_secret_contains_it(
    authority: Authority, tls_cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    loads: list[object] = []
    load = ssl.SSLContext.load_verify_locations

    def counted(self: ssl.SSLContext, *args: object, **kwargs: object) -> None:
        loads.append(kwargs or args)
        load(self, *args, **kwargs)  # type: ignore[arg-type]

    with api_harness(tls_cloud, cacert=authority.pem) as harness, ThreadPoolExecutor(5) as threads:
        harness.api.describe_target(TARGET, FakeTimeLeft())
        monkeypatch.setattr(ssl.SSLContext, "load_verify_locations", counted)
        answers = list(threads.map(harness.show, tls_cloud.add_backups(30)))
    assert {answer.name for answer in answers} == {AnswerName.FOUND}
    assert 1 < tls_cloud.journal.connections <= 5 + 1  # one for the login
    assert loads == []


def test_no_tls_key_is_logged_even_if_the_environment_enables_it(
    authority: Authority, tls_cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for keylog in (tmp_path / "keys.log", tmp_path / "nowhere" / "keys.log"):
        monkeypatch.setenv("SSLKEYLOGFILE", str(keylog))
        for cacert in (authority.pem, None):
            assert make_tls_context(cacert, DEFAULT_CA_BUNDLE_PATH).keylog_filename is None
        with api_harness(tls_cloud, cacert=authority.pem) as harness:
            assert harness.show(tls_cloud.add_backup()).name is AnswerName.FOUND
        assert not keylog.exists()


def test_a_context_verifies_like_the_default_one(authority: Authority) -> None:
    context, default = make_tls_context(authority.pem, ""), ssl.create_default_context(cadata=authority.pem)
    for name in ("verify_mode", "check_hostname", "verify_flags", "options", "minimum_version", "protocol"):
        assert getattr(context, name) == getattr(default, name)
    assert context.get_ciphers() == default.get_ciphers()


def test_an_unknown_authority_is_rejected_before_anything_is_sent_even_if_the_environment_trusts_it(
    authority: Authority, tls_cloud: Cloud, tmp_path: Path, patient: Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = failure(patient, tls_cloud.url)
    assert (failed.name, failed.status_code) == (AnswerName.TLS_FAILED, "TlsError")
    assert "unable to get local issuer certificate" in failed.message
    ca_file = tmp_path / "ca.pem"
    ca_file.write_text(authority.pem)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(ca_file))
    monkeypatch.setenv("SSL_CERT_FILE", str(ca_file))
    for verify in (False, str(ca_file), True):
        with patient.exchange(body_limit=LIMIT), pytest.raises(CallFailed) as asked:
            patient.session.get(tls_cloud.url, verify=verify, timeout=30)
        assert asked.value.name is AnswerName.TLS_FAILED
    assert tls_cloud.journal.calls == []


@pytest.mark.parametrize(("host", "days"), [("127.0.0.2", 10), ("vbs.example", 10), ("127.0.0.1", -1)])
def test_a_wrong_name_and_an_expired_certificate_are_rejected(
    authority: Authority, tmp_path: Path, host: str, days: int
) -> None:
    transport = Transport(calls_at_once=1, cacert=authority.pem)
    with Simulator(tls=authority.server_context(tmp_path, host, days=days)).running() as cloud:
        assert failure(transport, cloud.url).name is AnswerName.TLS_FAILED
        assert cloud.journal.calls == []
    transport.close()


# ------------------------------------------------------------------ secrets


@pytest.mark.parametrize(
    "script",
    [
        dripping(b"x" * 400),
        responding(b"nonsense\r\n\r\n"),
        responding(b"HTTP/1.1 200 OK\r\nBad Header\r\nX-Subject-Token: " + CANARY.encode() + b"\r\n\r\n"),
    ],
    ids=["timed out", "lost", "unparsed headers"],
)
def test_no_failure_contains_the_token(transport: Transport, script: Script, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    with ScriptedServer(script).running() as server:
        try:
            reply = send(transport, server.url)
            assert reply.broken is not None
            failed = reply.broken
        except CallFailed as raised:
            failed = raised
    shown = "".join(traceback.format_exception(failed)) + repr(failed) + repr(vars(failed)) + caplog.text
    assert CANARY not in shown
    assert failed.__cause__ is None
    assert failed.__context__ is None
