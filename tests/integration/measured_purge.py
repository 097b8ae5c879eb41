"""A script that invokes the purger in its own interpreter and measures the peak memory.

Standard input: one event per line. Standard output: for each event a JSON object with the response and the peak in MB,
after a line of its log.
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
    # Not getrusage: its maximum includes the memory of the parent process before the exec.
    peak_kib = re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())
    peak_mb = int(peak_kib[1]) / 1024 if peak_kib else 0.0
    sys.stdout.write("\nMEASURED " + json.dumps({"answer": answer, "peak_mb": peak_mb}) + "\n")
    sys.stdout.flush()
