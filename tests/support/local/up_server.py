"""The background process of `make up`: runs the simulator and the local stack until a signal stops it."""

import json
import os
import signal
import sys
import threading
from pathlib import Path
from types import FrameType

from tests.support.local.artefacts import ROOT
from tests.support.local.deployment import STACK_NAME
from tests.support.local.embedded_aws import REGION, remove_folder
from tests.support.local.stack import LocalStack
from tests.support.local.up_data import OWN_POLICY, create_data, what_to_try
from tests.support.simulator.cloud import Cloud
from tests.support.simulator.server import Simulator
from tests.support.simulator.settings import SimulatorSettings

READY = "ready"
ENV = "env"
OWN_POLICY_FILE = "policy.json"
SCRATCH = "vbs-reaper-tmp"
"""The folder for temporary files of the stack, so that they can be removed even if its process was killed."""
DELETE_SECONDS = 2.0
ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class _Ended(BaseException):
    """A signal asks the process to end."""


def serve(folder: Path) -> None:
    """Run until a signal arrives. Once the file `ready` exists, `folder` contains what is needed to use the stack."""
    for ending in ENDINGS:
        signal.signal(ending, _end)
    try:
        print("starting the simulated cloud and the emulated AWS, deploying the template", flush=True)
        with Simulator(SimulatorSettings(delete_seconds=DELETE_SECONDS)).running() as cloud, LocalStack() as stack:
            print("deployed; creating a year of backups, a plan and dead letters", flush=True)
            data = create_data(stack, cloud)
            (folder / ENV).write_text(_environment(stack, cloud), encoding="utf-8")
            (folder / OWN_POLICY_FILE).write_text(json.dumps(OWN_POLICY, indent=2) + "\n", encoding="utf-8")
            unfinished = folder / "unfinished"
            paths = (_relative(folder / ENV), _relative(folder / OWN_POLICY_FILE))
            unfinished.write_text(what_to_try(data, STACK_NAME, *paths), encoding="utf-8")
            unfinished.replace(folder / READY)
            print("ready", flush=True)
            threading.Event().wait()
    except _Ended:
        print("stopped", flush=True)
    finally:
        clean(folder)


def clean(folder: Path) -> None:
    """Remove all files of a stack that has ended, except its log."""
    for name in (READY, ENV, OWN_POLICY_FILE):
        (folder / name).unlink(missing_ok=True)
    remove_folder(folder / SCRATCH)


def _end(_signal: int, _frame: FrameType | None) -> None:
    for ending in ENDINGS:
        signal.signal(ending, signal.SIG_IGN)
    raise _Ended


def _relative(path: Path) -> str:
    """Return the path relative to the repository, if it is in it."""
    return str(path.relative_to(ROOT) if path.is_relative_to(ROOT) else path)


def _environment(stack: LocalStack, cloud: Cloud) -> str:
    """Return a shell script that selects the local stack instead of the user's own AWS configuration."""
    values = {
        "AWS_ENDPOINT_URL": stack.aws.url,
        "AWS_CA_BUNDLE": str(stack.aws.certificate),
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "NO_PROXY": "127.0.0.1",
        "DELETE_QUEUE_URL": stack.outputs["DeleteQueueUrl"],
        "DEAD_LETTER_QUEUE_URL": stack.outputs["DeadLetterQueueUrl"],
        "SIMULATOR_URL": cloud.url,
    }
    lines = [f'export {name}="{value}"' for name, value in values.items()]
    return "\n".join(["unset AWS_PROFILE AWS_SESSION_TOKEN AWS_ROLE_ARN", *lines, ""])


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
    # Everything has been stopped. Do not wait for threads that the signal interrupted.
    sys.stdout.flush()
    os._exit(0)
