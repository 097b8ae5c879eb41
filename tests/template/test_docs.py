"""The README says what is there: its tables, samples, commands, links and pictures, held against code and template."""

import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable
from datetime import UTC
from datetime import datetime
from inspect import getmembers
from inspect import isfunction
from inspect import signature
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore import xform_name

from tests.template.markdown import Markdown
from tests.template.rendered import Rendered
from tests.template.tables import README
from tests.template.tables import TABLES
from tests.template.tables import written
from tests.template.translate import ROOT
from vbs_reaper.aws.metrics import NAMESPACE
from vbs_reaper.aws.metrics import Metrics
from vbs_reaper.deletion.envelope import open_envelope
from vbs_reaper.deletion.request import DeleteRequest
from vbs_reaper.openstack.secret import Secret
from vbs_reaper.openstack.secret import StoredSecret
from vbs_reaper.openstack.target import read_target
from vbs_reaper.purge.policy import KEYS
from vbs_reaper.purge.policy import read_policy

FILES = ("README.md", "CHANGELOG.md")
PACKAGE = "layers/shared/python/vbs_reaper"
A_PATH = re.compile(r"`((?:[\w.-]+/)+[\w.-]*)`")
A_TARGET = re.compile(r"\bmake ([a-z]+(?:-[a-z]+)*)")
ARROW = re.compile(r"(?P<from>\w+)(?:->>|-->>|-\)|--\)|-x)(?P<to>\w+): .+")
ABOUT = {"autonumber", "else", "and", "note", "Note", "activate", "deactivate", "title"}
OPENS = {"alt", "loop", "opt", "par", "rect", "critical", "break"}

readme = Markdown(README)


# ── Tables ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_tables_say_what_code_and_template_say() -> None:
    assert written(readme.text) == readme.text, "run `make docs`"


@pytest.mark.parametrize("name", TABLES)
def test_every_table_that_can_be_made_stands_in_the_readme(name: str) -> None:
    assert f"<!-- table: {name} -->\n" in readme.text


def test_the_metrics_are_those_that_the_code_writes(capsys: pytest.CaptureFixture[str]) -> None:
    described = {
        (name.strip("`"), unit, frozenset(re.findall(r"\w+", dimensions)))
        for name, unit, dimensions, _ in readme.rows("Metrics")
    }
    assert described == metrics_written(capsys)
    assert f"namespace `{NAMESPACE}`" in readme.text


def metrics_written(capsys: pytest.CaptureFixture[str]) -> set[tuple[str, str, frozenset[str]]]:
    """Name, unit and dimensions of every metric, read off the lines that the metrics' own methods write."""
    metrics = Metrics()
    for name, method in getmembers(Metrics, isfunction):
        if not name.startswith("_") and name != "flush":
            getattr(metrics, name)(**arguments(method))
    metrics.flush()
    directives = [
        directive
        for line in capsys.readouterr().out.splitlines()
        for directive in json.loads(line)["_aws"]["CloudWatchMetrics"]
    ]
    return {
        (metric["Name"], metric["Unit"], frozenset(dimensions))
        for directive in directives
        for metric in directive["Metrics"]
        for dimensions in directive["Dimensions"]
    }


def arguments(method: Callable[..., None]) -> dict[str, Any]:
    parameters = [each for each in signature(method).parameters.values() if each.name != "self"]
    return {each.name: "x" if each.annotation in {str, "str"} else 1 for each in parameters}


# ── Samples ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("path", sorted(ROOT.glob("events/*/*")), ids=lambda path: path.name)
def test_every_file_of_events_is_linked(path: Path) -> None:
    assert path.relative_to(ROOT).as_posix() in readme.links()


def test_every_request_shown_is_one() -> None:
    shown = [block for block in readme.blocks("json") if "backup_id" in block]
    shown += [command for command in readme.commands() if "--message-body" in command]
    assert shown
    for text in shown:
        body = text if text.startswith("{") else shlex.split(text)[-1]
        assert isinstance(open_envelope(body, datetime.now(UTC)), DeleteRequest)


def test_every_policy_shown_would_be_taken() -> None:
    shown = [block for block in readme.blocks("json") if '"keep"' in block]
    assert shown
    for text in shown:
        assert read_policy(json.loads(text)).mode == "preview"


def test_every_field_of_a_request_is_described() -> None:
    section = readme.text.partition("| field | meaning |")[2].partition("\n\n")[0]
    assert {*re.findall(r"`(\w+)`", section)} >= {*DeleteRequest.__struct_fields__, "backup_ids"}


def test_every_key_of_a_policy_is_described() -> None:
    section = readme.text.partition("| key | default | meaning |")[2].partition("\n\n")[0]
    keys = {f"{part}.{key}" if part else key for part, names in KEYS.items() if part != "group_by" for key in names}
    assert {*re.findall(r"`([a-z_.]+)`", section)} >= keys - {"match", "keep", "guards"}


def test_every_secret_shown_would_be_taken() -> None:
    shown = [block for block in readme.blocks("json") if '"auth"' in block]
    assert len(shown) == 2
    for text in shown:
        target = read_target("shown", StoredSecret(version_id="1", text=Secret(text)))
        assert target.region


# ── Commands ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "command",
    [each for each in readme.commands() if each.startswith("aws ")] + re.findall("`(aws [^`]+)`", readme.prose),
)
def test_an_aws_command_is_one(command: str) -> None:
    _, service, name, *options = shlex.split(command)
    model = botocore.session.get_session().get_service_model(service)
    (operation,) = (each for each in model.operation_names if xform_name(each, "-") == name)
    shape = model.operation_model(operation).input_shape
    assert shape is not None
    given = {option.removeprefix("--") for option in options if option.startswith("--")}
    assert given <= {xform_name(member, "-") for member in shape.members}
    for option in options:
        if option.startswith("file://events/"):
            assert (ROOT / option.removeprefix("file://")).is_file()


def test_every_make_target_named_exists() -> None:
    command = [str(shutil.which("make")), "help"]
    printed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    targets = {*re.findall(r"^  make ([a-z-]+)", printed, re.MULTILINE)}
    assert {*A_TARGET.findall(readme.text)} <= targets


def test_every_output_named_is_one_of_the_templates() -> None:
    assert {*re.findall(r"`(\w+Command)`", readme.text)} <= {*Rendered().outputs}


# ── Links, paths, pictures ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", FILES)
def test_every_link_leads_somewhere(name: str) -> None:
    document = Markdown(ROOT / name)
    assert document.links()
    for link in document.links():
        path, _, anchor = link.partition("#")
        if path.startswith("https://"):
            continue
        assert not path or (ROOT / path).exists(), link
        assert not anchor or anchor in (Markdown(ROOT / path) if path else document).anchors(), link


def test_every_path_named_exists() -> None:
    for path in A_PATH.findall(readme.prose):
        assert (ROOT / path).exists() or (ROOT / PACKAGE / path).exists(), path


def test_the_tree_shown_is_the_tree() -> None:
    (tree,) = readme.blocks("text")
    for line in tree.splitlines():
        folder = PACKAGE if line.startswith("  ") else "."
        assert (ROOT / folder / line.split()[0]).exists(), line


@pytest.mark.parametrize("diagram", readme.blocks("mermaid"))
def test_a_sequence_is_drawn_between_those_who_take_part(diagram: str) -> None:
    first, *lines = (line.strip() for line in diagram.splitlines())
    assert first == "sequenceDiagram"
    parts, depth = set(), 0
    for line in lines:
        word = line.split()[0]
        if word in {"participant", "actor"}:
            parts.add(line.split()[1])
        elif word in OPENS or word == "end":
            depth += -1 if word == "end" else 1
        elif word not in ABOUT:
            arrow = ARROW.fullmatch(line)
            assert arrow, line
            assert {arrow["from"], arrow["to"]} <= parts, line
        assert depth >= 0
    assert depth == 0
