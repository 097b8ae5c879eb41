"""A cold start: a fresh interpreter imports and wires each function, another one imports boto3 alone."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.benchmarks.table import Row

ROOT: Final = Path(__file__).resolve().parents[2]
BYTE_CODE: Final = ROOT / ".build" / "bench" / "byte-code"
"""Kept between runs, and apart from the sources; what a first start compiles is there for those that count."""
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
    "PLANS_BUCKET": "plans",
}
IMPORTED: Final = "import functions.deleter.app as app"
WIRED: Final = f"{IMPORTED}; app.deleter()"
PURGER: Final = "import functions.purger.app as app; app.purger()"
CHECKER: Final = "import functions.checker.app as app; app.checker()"
BOTO3: Final = "import boto3"
_MEASURED: Final = """
import time
before = time.process_time()
{code}
spent = time.process_time() - before
import sys
loaded = sorted(sys.modules)
modules = sorted({{name.partition(".")[0] for name in loaded}} - sys.stdlib_module_names)
import json
from tests.benchmarks.measure import peak_mb
print(json.dumps({{"cpu_s": spent, "peak_mb": peak_mb(), "modules": modules, "all": loaded}}))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """What a fresh interpreter spent on some code, and what it has loaded since."""

    cpu_s: float
    peak_mb: float
    modules: frozenset[str]
    """Top-level names outside the standard library."""
    all_modules: frozenset[str]


def start(code: str) -> Start:
    """Run code in a fresh interpreter.

    Raises:
        CalledProcessError: the code failed.
    """
    left_out = "PYTHONDONTWRITEBYTECODE"  # whoever sets it would have everybody compile at every start
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_") and name != left_out}
    command = [sys.executable, "-X", f"pycache_prefix={BYTE_CODE}", "-c", _MEASURED.format(code=code)]
    ran = subprocess.run(command, cwd=ROOT, env=kept | ENVIRONMENT, stdout=subprocess.PIPE, check=True, text=True)
    told: dict[str, Any] = json.loads(ran.stdout)
    return Start(
        cpu_s=told["cpu_s"],
        peak_mb=told["peak_mb"],
        modules=frozenset(told["modules"]),
        all_modules=frozenset(told["all"]),
    )


def measure_cold(rounds: int) -> list[Row]:
    """Rows of CPU and peak memory against `import boto3`."""
    candidates = {"imported": IMPORTED, "wired": WIRED, "purger": PURGER, "checker": CHECKER, "boto3": BOTO3}
    for code in candidates.values():
        start(code)
    starts = [{name: start(code) for name, code in candidates.items()} for _ in range(rounds)]

    def cpu(name: str, title: str, aim: float | None) -> Row:
        pairs = [(each[name].cpu_s * 1000, each["boto3"].cpu_s * 1000) for each in starts]
        return Row(part="cold start", name=f"{title} / import boto3", pairs=pairs, unit="ms CPU", aim=aim)

    memory = [(each["imported"].peak_mb, each["boto3"].peak_mb) for each in starts]
    modules = [(float(len(each["wired"].modules)), float(len(each["boto3"].modules))) for each in starts[:1]]
    return [
        cpu("imported", "deleter imported", None),
        cpu("wired", "deleter imported and wired", 2.3),
        cpu("purger", "purger imported and wired", None),
        cpu("checker", "checker imported and wired", None),
        Row(part="cold start", name="peak after import / import boto3", pairs=memory, unit="MB", bound=60.0),
        Row(part="cold start", name="top-level modules / import boto3", pairs=modules, unit="modules"),
    ]
