"""Run by an interpreter of its own: a handler and its events as Lambda has them, with nothing else on the path.

Arguments: a file to write the answers to, then the path: the function, its layers, the runtime's own packages. Standard
input: a JSON object of events by name.
"""

import importlib
import json
import sys
from pathlib import Path


class Context:
    """What Lambda tells of an invocation."""

    function_name = "deleter"
    function_version = "$LATEST"
    memory_limit_in_mb = 256
    invoked_function_arn = "arn:aws:lambda:eu-central-1:123456789012:function:deleter"
    aws_request_id = "8f507cfc-4f5e-4a3e-b0c2-2a6f9d1e7c54"
    tenant_id = None

    def get_remaining_time_in_millis(self) -> int:
        """All of it."""
        return 60_000


answers, *path = sys.argv[1:]
sys.path[:0] = path
handler = importlib.import_module("app").lambda_handler
told = {name: handler(event, Context()) for name, event in json.load(sys.stdin).items()}
Path(answers).write_text(json.dumps(told), encoding="utf-8")
