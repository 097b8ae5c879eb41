"""Run by an interpreter of its own: one invocation of the purger, and how much memory that interpreter ever held.

Standard input: the event. Standard output: its last line is a JSON object with the answer and the peak in MB.
"""

import json
import resource
import sys
from typing import Any
from typing import cast

from functions.purger.app import lambda_handler
from tests.doubles import FakeLambdaContext

answer = lambda_handler(json.load(sys.stdin), cast("Any", FakeLambdaContext(remaining_ms=900_000)))
peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
sys.stdout.write("\n" + json.dumps({"answer": answer, "peak_mb": peak_mb}) + "\n")
