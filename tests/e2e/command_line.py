"""Runs an `aws …` command line without the AWS CLI, by making the same call with the same parameters.

As a program (`python -m tests.e2e.command_line sqs send-message …`), it uses the AWS settings of the environment.
"""

import json
import re
import shlex
import sys
from collections.abc import Callable, Sequence
from itertools import dropwhile
from pathlib import Path
from typing import Any

import boto3
import jmespath
from botocore import xform_name
from botocore.model import Shape

from tests.support.local.embedded_aws import EmbeddedAws

OF_EVERY_COMMAND = {"--query", "--output"}
STRUCTURED = {"structure", "list", "map"}


def run(aws: EmbeddedAws, command: str) -> dict[str, Any]:
    """Make the call of a command line. `file://` is relative to the current folder.

    Raises:
        ValueError: the service has no such command or option.
    """
    program, *words = dropwhile(lambda word: re.match("[A-Z_]+=", word), shlex.split(command))
    if program != "aws":
        raise ValueError(f"no aws command: {command}")
    return call(aws.client, words)


def call(client_of: Callable[[str], Any], words: Sequence[str]) -> dict[str, Any]:
    """Make the call of the words after `aws`."""
    service, operation, *words = words
    client = client_of(service)
    method = operation.replace("-", "_")
    name = client.meta.method_to_api_mapping[method]
    members = client.meta.service_model.operation_model(name).input_shape.members
    words, _ = _without_globals(words)
    options = {xform_name(member, "-"): (member, shape) for member, shape in members.items()}
    parameters = {}
    for option, text in zip(words[::2], words[1::2], strict=True):
        if option.removeprefix("--") not in options:
            raise ValueError(f"aws {service} {operation} has no option {option}")
        member, shape = options[option.removeprefix("--")]
        parameters[member] = _value(shape, text)
    answer: dict[str, Any] = getattr(client, method)(**parameters)
    return answer


def shown(answer: dict[str, Any], words: Sequence[str]) -> str:
    """Format a response as the AWS CLI does, with `--query` and `--output text`."""
    _, asked = _without_globals(words)
    found = jmespath.search(asked["--query"], answer) if "--query" in asked else answer
    return str(found) if asked.get("--output") == "text" else json.dumps(found, indent=2, default=str)


def _without_globals(words: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """Return the words without the options of every command, and those options."""
    own, asked = [], {}
    left = iter(words)
    for word in left:
        if word in OF_EVERY_COMMAND:
            asked[word] = next(left)
        else:
            own.append(word)
    return own, asked


def _value(shape: Shape, text: str) -> Any:  # noqa: ANN401  # any JSON
    if text.startswith("file://"):
        text = Path(text.removeprefix("file://")).read_text(encoding="utf-8")
    if shape.type_name in STRUCTURED:
        return json.loads(text) if text.lstrip()[0] in "[{" else _shorthand(shape, text)
    return int(text) if shape.type_name in {"integer", "long"} else text


def _shorthand(shape: Shape, text: str) -> Any:  # noqa: ANN401  # any JSON
    """Parse shorthand: `Mode=OFF` is a structure, `All` a list (AWS CLI user guide, "Using shorthand syntax")."""
    if shape.type_name == "list":
        return text.split(",")
    return dict(pair.split("=", 1) for pair in text.split(","))


if __name__ == "__main__":
    client_of: Callable[[str], Any] = vars(boto3)["client"]  # overloaded by service name
    sys.stdout.write(f"{shown(call(client_of, sys.argv[1:]), sys.argv[1:])}\n")
