"""Run by an interpreter of its own: invocations of the purger, and how much memory that interpreter ever held.

Standard input: an event on each line. Standard output: for each a JSON object with the answer and the peak in MB, after
a line of its own log.
"""

import json
import re
import sys
from pathlib import Path
from typing import Any, cast

from functions.purger.app import lambda_handler
from tests.support.doubles import FakeLambdaContext

for line in sys.stdin:
    answer = lambda_handler(json.loads(line), cast("Any", FakeLambdaContext(remaining_ms=900_000)))
    # Not getrusage: its maximum counts the process that started this one, before there was an interpreter in it.
    peak_kib = re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())
    peak_mb = int(peak_kib[1]) / 1024 if peak_kib else 0.0
    sys.stdout.write("\nMEASURED " + json.dumps({"answer": answer, "peak_mb": peak_mb}) + "\n")
    sys.stdout.flush()
