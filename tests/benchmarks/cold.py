"""A cold start: a new interpreter imports and wires each function; another one imports boto3."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.benchmarks.table import Row

ROOT: Final = Path(__file__).resolve().parents[2]
BYTE_CODE: Final = ROOT / ".build" / "bench" / "byte-code"
"""Kept between runs: as in a built layer, no measured start compiles."""
ENVIRONMENT: Final = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "DELETE_QUEUE_URL": "https://sqs.eu-central-1.amazonaws.com/123456789012/delete",
    "DEAD_LETTER_QUEUE_URL": "https://sqs.eu-central-1.amazonaws.com/123456789012/dead",
    "EVENT_BUS_NAME": "bus",
    "SECRET_PREFIX": "vbs-reaper",
    "DEFAULT_TARGET": "default",
    "BACKOFF_BASE_IN_SECONDS": "60",
    "CALLS_AT_ONCE": "5",
    "TRUSTED_SENDER_IDS": "AROADELETER",
    "PLANS_BUCKET": "plans",
    "DELETE_REQUESTS_MAPPING_ID": "0b5e4f6a-8c9d-4e1f-a2b3-c4d5e6f70819",
    "MINIMUM_AGE_IN_HOURS": "0",
}
DELETER: Final = "import functions.deleter.app as app; app.deleter()"
CODE: Final = {
    "deleter": DELETER,
    "purger": "import functions.purger.app as app; app.purger()",
    "checker": "import functions.checker.app as app; app.checker()",
    "boto3": "import boto3",
}
_MEASURED: Final = """
import time
before = time.process_time()
{code}
spent = time.process_time() - before
import json, sys
modules = list(sys.modules)
from tests.benchmarks.table import peak_mb
print(json.dumps({{"cpu_s": spent, "peak_mb": peak_mb(), "modules": modules}}))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """What a new interpreter needed for some code, and the modules it has loaded."""

    cpu_s: float
    peak_mb: float
    modules: list[str]


def start(code: str) -> Start:
    """Run code in a new interpreter."""
    ignored = "PYTHONDONTWRITEBYTECODE"  # it would compile at each start
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_") and name != ignored}
    command = [sys.executable, "-X", f"pycache_prefix={BYTE_CODE}", "-c", _MEASURED.format(code=code)]
    ran = subprocess.run(command, cwd=ROOT, env=kept | ENVIRONMENT, stdout=subprocess.PIPE, check=True, text=True)
    return Start(**json.loads(ran.stdout))


def measure_cold(rounds: int) -> list[Row]:
    """Compare CPU time and peak memory with those of `import boto3`."""
    starts = [{name: start(code) for name, code in CODE.items()} for _ in range(rounds + 1)][1:]
    rows = []
    for name, aim in {"deleter": 1.9, "purger": None, "checker": None}.items():
        pairs = [(each[name].cpu_s * 1000, each["boto3"].cpu_s * 1000) for each in starts]
        rows.append(Row(name=f"cold start: {name} / import boto3", pairs=pairs, unit="ms CPU", aim=aim))
    peaks = [(each["deleter"].peak_mb, each["boto3"].peak_mb) for each in starts]
    return [*rows, Row(name="cold start: peak of the deleter / import boto3", pairs=peaks, unit="MB", bound=60.0)]
