"""A script that runs a handler as in Lambda, in its own interpreter with only the given folders on the path.

Arguments: a file to write the responses to, then the path: the function, its layers, the packages of the runtime.
Standard input: a JSON object of events by name.
"""

import importlib
import json
import sys
from pathlib import Path


class Context:
    """The context of an invocation."""

    function_name = "deleter"
    function_version = "$LATEST"
    memory_limit_in_mb = 256
    invoked_function_arn = "arn:aws:lambda:eu-central-1:123456789012:function:deleter"
    aws_request_id = "8f507cfc-4f5e-4a3e-b0c2-2a6f9d1e7c54"
    tenant_id = None

    def get_remaining_time_in_millis(self) -> int:
        """Return a fixed time."""
        return 60_000


answers, *path = sys.argv[1:]
sys.path[:0] = path
handler = importlib.import_module("app").lambda_handler
responses = {name: handler(event, Context()) for name, event in json.load(sys.stdin).items()}
Path(answers).write_text(json.dumps(responses), encoding="utf-8")
