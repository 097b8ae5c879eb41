"""No output of the deleter at log level DEBUG contains a password, a token or a secret key."""

import itertools
import json
import logging
import traceback
from collections.abc import Callable
from datetime import datetime

import boto3
import pytest

from tests.conftest import Event
from tests.integration.api_harness import api_harness
from tests.integration.event_recorder import EventRecorder
from tests.support.doubles import ManualClock
from tests.support.log_lines import LogLines
from tests.support.poller import Invoke, Poller
from tests.support.simulator.body_shapes import BodyShape
from tests.support.simulator.cloud import Cloud
from tests.support.simulator.faults import Breakage, Fault
from tests.support.simulator.journal import Operation
from tests.support.template_resources import TemplateResources
from vbs_reaper.backups.secret_text import Secret
from vbs_reaper.clouds.http.transport import HttpRequest
from vbs_reaper.clouds.login.aksk import SigningKey
from vbs_reaper.logs import logger

PASSWORD = "canary-password-5bd1c7"
TOKEN = "canary-token-e09a42"
QUOTING = f"no such token: gAAAAAB{TOKEN}-0000-{'x' * 100}"

FAULTS = {
    "fine": [],
    "token refused": [Fault(operation=Operation.SHOW, status=401, body=BodyShape.KEYSTONE)],
    "token refused for good": [Fault(operation=Operation.SHOW, status=401, body=BodyShape.KEYSTONE, times=None)],
    "forbidden": [Fault(operation=Operation.DELETE, status=403, body=BodyShape.CINDER, times=None)],
    "bad request": [Fault(operation=Operation.DELETE, status=400, body=BodyShape.CINDER)],
    "token quoted as refused": [
        Fault(operation=Operation.SHOW, status=401, body=BodyShape.CINDER, message=QUOTING, times=None)
    ],
    "token quoted as forbidden": [
        Fault(operation=Operation.DELETE, status=403, body=BodyShape.CINDER, message=QUOTING, times=None)
    ],
    "token quoted as bad": [
        Fault(operation=Operation.DELETE, status=400, body=BodyShape.CINDER, message=QUOTING, times=None)
    ],
    "login refused": [Fault(operation=Operation.LOGIN, status=401, body=BodyShape.KEYSTONE, times=None)],
    "login quotes the password": [
        Fault(operation=Operation.LOGIN, status=400, body=BodyShape.KEYSTONE, message=f"{PASSWORD} is wrong")
    ],
    "login fails": [Fault(operation=Operation.LOGIN, status=500, body=BodyShape.HTML, times=None)],
    "login is garbage": [Fault(operation=Operation.LOGIN, breakage=Breakage.GARBAGE, times=None)],
    "login is truncated": [Fault(operation=Operation.LOGIN, breakage=Breakage.TRUNCATED, times=None)],
    "login is redirected": [Fault(operation=Operation.LOGIN, redirect_to="http://127.0.0.1:9/v3", times=None)],
    "connection lost": [Fault(operation=Operation.DELETE, breakage=Breakage.RESET, times=None)],
    "headers cut": [Fault(operation=Operation.SHOW, breakage=Breakage.CUT_HEADERS, times=None)],
    "bad gzip": [Fault(operation=Operation.SHOW, breakage=Breakage.BAD_GZIP, times=None)],
    "redirected": [Fault(operation=Operation.DELETE, redirect_to="http://127.0.0.1:9/", times=None)],
    "throttled": [Fault(operation=Operation.DELETE, status=429, body=BodyShape.OVER_LIMIT, times=None)],
    "server error": [Fault(operation=Operation.DELETE, status=500, body=BodyShape.HTML, times=None)],
}


class Outputs:
    """Collects all outputs of the function."""

    def __init__(
        self,
        resources: TemplateResources,
        log_lines: LogLines,
        caplog: pytest.LogCaptureFixture,
        capfd: pytest.CaptureFixture[str],
    ) -> None:
        sqs = boto3.client("sqs")
        self._queues = [Poller(sqs, resources.dead_letter_queue_url), Poller(sqs, resources.delete_queue_url)]
        self._recorder = EventRecorder.at(resources.bus_name)
        self._log_lines, self._caplog, self._capfd = log_lines, caplog, capfd
        self.parts: list[str] = []

    def take(self, invoke: Invoke, event: Event) -> None:
        """Invoke the function; collect its response, or its exception with causes and contexts."""
        try:
            self.parts.append(json.dumps(invoke(event)))
        except Exception as error:  # noqa: BLE001  # Lambda logs any exception
            while error is not None:
                self.parts += [repr(error), *traceback.format_exception(error)]
                error = error.__cause__ or error.__context__  # type: ignore[assignment]

    def everything(self) -> str:
        """Return responses, exceptions, dead letters, messages, events, and everything logged or printed."""
        self.parts += [json.dumps(queue.receive()) for queue in self._queues]
        self.parts += [json.dumps(self._recorder.events()), self._log_lines.text(), self._caplog.text]
        self.parts += self._capfd.readouterr()
        return "\n".join(self.parts)


@pytest.fixture
def canaries(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """Set the canary password in the cloud, and make it issue canary tokens."""
    numbers = itertools.count()
    monkeypatch.setattr(
        "tests.support.simulator.identity.secrets.token_urlsafe", lambda _: f"{TOKEN}-{next(numbers):04}-{'x' * 100}"
    )
    cloud.change_password(PASSWORD)


@pytest.fixture
def outputs(
    resources: TemplateResources,
    log_lines: LogLines,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> Outputs:
    caplog.set_level(logging.DEBUG)
    return Outputs(resources, log_lines, caplog, capfd)


def prepare(cloud: Cloud, resources: TemplateResources, faults: list[Fault]) -> None:
    """Add the backups of events/ and these faults to the cloud, and delete all login slots."""
    s3, bucket = boto3.client("s3"), resources.plans_bucket
    for each in s3.list_objects_v2(Bucket=bucket, Prefix="logins/").get("Contents", []):
        s3.delete_object(Bucket=bucket, Key=each["Key"])
    for number in range(13, 23):
        cloud.add_backup(id=f"0b5e4f6a-7c1d-4e2f-9a3b-{number:012}")
    cloud.inject(*faults)


@pytest.mark.parametrize("name", ["sqs_mixed_batch", "direct"])
def test_no_output_contains_the_password_or_a_token(
    canaries: None,
    invoke: Invoke,
    cloud: Cloud,
    event: Callable[[str], Event],
    outputs: Outputs,
    resources: TemplateResources,
    forget_deleter: Callable[[], None],
    name: str,
) -> None:
    for weather, faults in FAULTS.items():
        cloud.reset()
        cloud.change_password(PASSWORD)
        forget_deleter()
        prepare(cloud, resources, faults)
        outputs.take(invoke, event(f"deleter/{name}"))
        assert cloud.journal.logins or weather.startswith("login"), weather
        everything = outputs.everything()
        assert PASSWORD not in everything, weather
        assert TOKEN not in everything, weather


SIGNED_FAULTS = {name: faults for name, faults in FAULTS.items() if not name.startswith(("login", "token quoted"))} | {
    "check fails": [Fault(operation=Operation.LIST, status=500, body=BodyShape.HTML, times=None)],
    "check is truncated": [Fault(operation=Operation.LIST, breakage=Breakage.TRUNCATED, times=None)],
    "key unknown": [],
    "key wrong": [],
}
SECRET_KEY = "canarySecretKey5bd1c7"


@pytest.fixture
def signatures(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Record every signature."""
    made: list[str] = []
    authenticate = SigningKey.authenticate

    def remember(key: SigningKey, request: HttpRequest, now: datetime) -> Secret:
        made.append(authenticate(key, request, now).reveal())
        return Secret(made[-1])

    monkeypatch.setattr(SigningKey, "authenticate", remember)
    return made


def test_no_output_contains_the_secret_key_or_a_signature(
    invoke: Invoke,
    cloud: Cloud,
    event: Callable[[str], Event],
    outputs: Outputs,
    resources: TemplateResources,
    signatures: list[str],
    forget_deleter: Callable[[], None],
) -> None:
    for weather, faults in SIGNED_FAULTS.items():
        cloud.reset()
        (key,) = cloud.identity.access_keys.values()
        secret = cloud.target_secret(access_key=True)
        secret["auth"]["secret_key"] = key.secret = SECRET_KEY
        if weather == "key unknown":
            cloud.new_access_key()
        if weather == "key wrong":
            key.secret = "another"
        for target in ("default", "otc-prod"):
            boto3.client("secretsmanager").put_secret_value(
                SecretId=f"{resources.secret_prefix}/{target}", SecretString=json.dumps(secret)
            )
        forget_deleter()
        signatures.clear()
        prepare(cloud, resources, faults)
        outputs.take(invoke, event("deleter/sqs_mixed_batch"))
        assert signatures, weather
        everything = outputs.everything()
        assert SECRET_KEY not in everything, weather
        assert [signature for signature in signatures if signature[:12] in everything] == [], weather
        assert "SDK-HMAC-SHA256" not in everything, weather


def test_http_client_prints_no_request_although_its_debug_level_is_set(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("http.client.HTTPConnection.debuglevel", 1)
    for access_key in (True, False):
        with api_harness(cloud, clock=ManualClock(cloud.now()), access_key=access_key) as harness:
            assert harness.show(cloud.add_backup()).status == 200
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("status", [401, 409])
def test_a_signature_in_a_response_is_removed(cloud: Cloud, status: int) -> None:
    with api_harness(cloud, clock=ManualClock(cloud.now()), access_key=True) as harness:
        backup_id = cloud.add_backup()
        harness.show(backup_id)
        quoting: list[str] = []

        def quote(key: SigningKey, request: HttpRequest, now: datetime) -> Secret:
            secret = authenticate(key, request, now)
            quoting.append(secret.reveal())
            message = f"no such signature: {request.headers['Authorization']}"
            cloud.clear_faults()
            cloud.inject(Fault(operation=Operation.DELETE, status=status, body=BodyShape.CINDER, message=message))
            return secret

        authenticate = SigningKey.authenticate
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(SigningKey, "authenticate", quote)
            answer = harness.delete(backup_id)
    assert answer.status == status
    assert "Signature=***" in answer.message
    assert [signature for signature in quoting if signature[:12] in repr(answer)] == []


def test_the_canaries_are_sent_and_all_outputs_are_collected(
    canaries: None, invoke: Invoke, cloud: Cloud, event: Callable[[str], Event], outputs: Outputs
) -> None:
    assert cloud.password_of() == PASSWORD
    outputs.take(invoke, event("deleter/sqs_bare"))
    assert cloud.identity.valid_token(f"gAAAAAB{TOKEN}-0000-{'x' * 100}", cloud.now())
    assert PASSWORD not in outputs.everything()
    logger.debug("a line", extra={"canary": TOKEN})
    logging.getLogger("another").debug("said-to-another-logger")
    print("printed")  # noqa: T201
    assert all(each in outputs.everything() for each in (TOKEN, "said-to-another-logger", "printed"))


@pytest.mark.parametrize("fault", ["no JSON", "an unknown key", "a value of another type"])
def test_an_invalid_secret_is_refused_without_its_values(
    canaries: None,
    invoke: Invoke,
    event: Callable[[str], Event],
    outputs: Outputs,
    resources: TemplateResources,
    cloud: Cloud,
    fault: str,
) -> None:
    secret = cloud.target_secret()
    del secret["auth"]["password"]
    secret["auth"]["pasword" if fault == "an unknown key" else "password"] = [PASSWORD]
    text = f"password: {PASSWORD}" if fault == "no JSON" else json.dumps(secret)
    boto3.client("secretsmanager").put_secret_value(SecretId=f"{resources.secret_prefix}/default", SecretString=text)
    outputs.take(invoke, event("deleter/sqs_bare"))
    everything = outputs.everything()
    assert "secret_unusable" in everything
    assert PASSWORD not in everything
