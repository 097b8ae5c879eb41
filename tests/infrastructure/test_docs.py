"""The documents match code and template: their tables, samples, commands, links and diagrams."""

import json
import re
import shlex
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from inspect import getmembers, isfunction, signature
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore import xform_name

from tests.benchmarks.money import CUSTOM_METRIC, DELETION_METRICS
from tests.infrastructure.markdown import DOCUMENTS, Markdown, documents
from tests.infrastructure.rendered import Rendered
from tests.infrastructure.schemas.messages import EVENTS
from tests.infrastructure.schemas.validator import validation_errors
from tests.infrastructure.tables import MARKED, TABLES, written
from tests.infrastructure.test_parameters import AS_BOTOCORE_SAYS
from tests.infrastructure.translate import ROOT
from vbs_reaper.aws.metrics import NAMESPACE, Metrics
from vbs_reaper.backups.secret_text import Secret, StoredSecret
from vbs_reaper.clouds.target_secret import read_target
from vbs_reaper.deletion.envelope import open_envelope
from vbs_reaper.deletion.request_json import DeleteRequestJson, ExpectationJson
from vbs_reaper.purge.policy import KEYS, read_policy

PACKAGE = ROOT / "layers/shared/python/vbs_reaper"
README_LINES = 200
README_BYTES = 14 * 1024
LINKED = (*DOCUMENTS, "CHANGELOG.md", "tests/simulation/README.md", "tests/support/simulator/README.md")
A_PATH = re.compile(r"`((?:[\w.-]+/)+[\w.-]*)`")
A_TARGET = re.compile(r"\bmake ([a-z]+(?:-[a-z]+)*)(?=[` \n])")
MAKE_IN_CODE = re.compile(r"`[^`\n]*\bmake [a-z][^`\n]*`")
AN_AWS_COMMAND = re.compile("`(aws [^`]+)`")
ARROW = re.compile(r"(?P<from>\w+)(?:->>|-->>|-\)|--\)|-x)(?P<to>\w+): .+")
ABOUT = {"autonumber", "else", "and", "note", "Note", "activate", "deactivate", "title"}
OPENS = {"alt", "loop", "opt", "par", "rect", "critical", "break"}
NODE = re.compile(r'(?P<id>\w+)\[".+"\]')
SUBGRAPH = re.compile(r'subgraph (?P<id>\w+) \[".+"\]')
EDGE = re.compile(r'(?P<from>\w+) (?:-->|-\. ".+" \.->|-->\|".+"\|) (?P<to>\w+)')

readme = Markdown(ROOT / "README.md")
operator_guide = Markdown(ROOT / "functions/README.md")
purge_guide = Markdown(ROOT / "functions/PURGING.md")
event_reference = Markdown(ROOT / "events/README.md")
developer_guide = Markdown(ROOT / "layers/README.md")
each_document = pytest.mark.parametrize("document", documents(), ids=DOCUMENTS)


# ── Tables ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@each_document
def test_generated_tables_are_up_to_date(document: Markdown) -> None:
    assert written(document.text) == document.text, "run `make docs`"


def test_every_generated_table_is_in_exactly_one_document() -> None:
    found = Counter(marked["name"] for document in documents() for marked in MARKED.finditer(document.text))
    assert found == dict.fromkeys(TABLES, 1)


@each_document
def test_every_marker_of_a_table_is_complete(document: Markdown) -> None:
    assert document.text.count("<!-- ") == 2 * len(MARKED.findall(document.text))


def test_the_metrics_are_those_that_the_code_writes(capsys: pytest.CaptureFixture[str]) -> None:
    described = {
        (name.strip("`"), unit, frozenset(re.findall(r"\w+", dimensions)))
        for name, unit, dimensions, _ in operator_guide.table("| metric | unit | dimensions | what it counts |")
    }
    written_by_code = metrics_written(capsys)
    assert all("Stack" in dimensions for _, _, dimensions in written_by_code)
    assert described == {(name, unit, dimensions - {"Stack"}) for name, unit, dimensions in written_by_code}
    assert f"namespace `{NAMESPACE}`" in operator_guide.text


def metrics_written(capsys: pytest.CaptureFixture[str]) -> set[tuple[str, str, frozenset[str]]]:
    """Return name, unit and dimensions of every metric, from the lines that all methods of the metrics write."""
    metrics = Metrics("reaper")
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


def test_the_functions_have_the_memory_and_timeout_that_are_described() -> None:
    described = {
        name.split()[0]: size
        for name, _, _, size in operator_guide.table("| function | invoked by | what it does | memory, timeout |")
    }
    functions = Rendered().every("Lambda::Function")
    assert described == {
        name.removesuffix("Function").lower(): f"{each['MemorySize']} MB, {minutes(each['Timeout'])}"
        for name, each in functions.items()
    }


def minutes(seconds: int) -> str:
    return f"{seconds} s" if seconds < 120 else f"{seconds // 60} min"


# ── Cost ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_readme_and_operator_guide_state_the_same_cost() -> None:
    head = "| deletions a day | 0 | 100 | 10,000 |"
    assert readme.table(head)
    assert readme.table(head) == operator_guide.table(head)


def test_the_summary_of_the_cost_is_what_the_items_add_up_to() -> None:
    (total,) = (row[1] for row in operator_guide.table("| a month | price |") if "without deletions" in row[0])
    without = float(total.strip("*$"))
    with_deletions = without + DELETION_METRICS * CUSTOM_METRIC
    (fixed,) = (
        row[1:] for row in operator_guide.table("| deletions a day | 0 | 100 | 10,000 |") if row[0].startswith("alarms")
    )
    assert fixed == [f"${without:.0f}", f"${with_deletions:.0f}", f"${with_deletions:.0f}"]


# ── Samples ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("path", sorted(ROOT.glob("events/*/*")), ids=lambda path: path.name)
def test_every_file_of_events_is_linked(path: Path) -> None:
    assert path.relative_to(ROOT).as_posix() in event_reference.linked_paths()


def json_blocks() -> list[dict[str, Any]]:
    return [json.loads(text) for document in documents() for text in document.blocks("json")]


@pytest.mark.parametrize("shown", json_blocks(), ids=json.dumps)
def test_every_json_block_is_a_valid_request_policy_secret_or_event(shown: dict[str, Any]) -> None:
    if "backup_id" in shown:
        assert open_envelope(json.dumps(shown), datetime.now(UTC))
    elif "keep" in shown:
        assert read_policy(shown).mode == "preview"
    elif "auth" in shown:
        text = Secret(json.dumps(shown))
        assert read_target("shown", StoredSecret(version_id="1", text=text)).region
    else:
        (event,) = (each for each in EVENTS if each.detail_type == shown["detail-type"])
        assert validation_errors(event.file_name, shown) == []


def test_documents_show_a_request_a_policy_both_kinds_of_secrets_and_an_event() -> None:
    kinds = Counter(
        next(kind for kind in ("backup_id", "keep", "auth_type", "auth", "detail-type") if kind in each)
        for each in json_blocks()
    )
    assert kinds.keys() == {"backup_id", "keep", "auth_type", "auth", "detail-type"}


def test_every_message_body_in_a_command_is_a_request() -> None:
    bodies = [shlex.split(each)[-1] for each in commands() if "--message-body" in each]
    assert bodies
    for body in bodies:
        open_envelope(body, datetime.now(UTC))


def test_every_field_of_a_request_is_described() -> None:
    fields = {
        name for row in event_reference.table("| field | meaning |") for name in re.findall(r"`([\w.]+)`", row[0])
    }
    expectation = {f"expect.{name}" for name in ExpectationJson.__struct_fields__}
    assert fields == {*DeleteRequestJson.__struct_fields__, "backup_ids", *expectation}


def test_every_key_of_a_policy_is_described() -> None:
    described = {
        name for row in purge_guide.table("| key | default | meaning |") for name in re.findall(r"`([a-z_.]+)`", row[0])
    }
    keys = {f"{part}.{key}" if part else key for part, names in KEYS.items() if part != "group_by" for key in names}
    assert described == keys - {"match", "keep", "guards"}


# ── Commands ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def commands() -> list[str]:
    return [command for document in documents() for command in document.commands()]


ONLY_OF_THE_CLI = {("logs", "tail"): {"--since", "--follow", "--format", "--filter-pattern", "--log-stream-names"}}
"""Commands that are not operations of the API, with their options (AWS CLI Command Reference, version 2)."""


@pytest.mark.parametrize(
    "command",
    dict.fromkeys(
        [each for each in commands() if each.startswith("aws ")]
        + [each for document in documents() for each in AN_AWS_COMMAND.findall(document.prose)]
    ),
)
def test_an_aws_command_is_valid(command: str) -> None:
    _, service, name, *options = shlex.split(command)
    if (service, name) in ONLY_OF_THE_CLI:
        assert {option for option in options if option.startswith("--")} <= ONLY_OF_THE_CLI[service, name]
        return
    model = botocore.session.get_session().get_service_model(AS_BOTOCORE_SAYS.get(service, service))
    (operation,) = (each for each in model.operation_names if xform_name(each, "-") == name)
    shape = model.operation_model(operation).input_shape
    assert shape is not None
    given = {option.removeprefix("--") for option in options if option.startswith("--")}
    assert given <= {xform_name(member, "-") for member in shape.members}
    for option in options:
        if option.startswith("file://events/"):
            assert (ROOT / option.removeprefix("file://")).is_file()


def make_targets() -> set[str]:
    command = [str(shutil.which("make")), "help"]
    printed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return {*re.findall(r"^  make ([a-z-]+)", printed, re.MULTILINE)}


@each_document
def test_every_make_target_named_exists(document: Markdown) -> None:
    code = [*MAKE_IN_CODE.findall(document.prose), *document.blocks("console")]
    assert {target for text in code for target in A_TARGET.findall(text)} <= make_targets()


def test_every_make_target_that_tests_is_described() -> None:
    text = Markdown(ROOT / "tests/README.md").text
    deploy = {"build", "clean", "console", "deploy", "format", "help", "remove"}
    maintain = {"lock-checkov", "lock-openstack", "requirements"}
    assert [each for each in sorted(make_targets() - deploy - maintain) if f"`make {each}" not in text] == []


@each_document
def test_every_output_named_exists(document: Markdown) -> None:
    assert {*re.findall(r"`(\w+Command)`", document.text)} <= {*Rendered().outputs}


# ── Links, paths, size, diagrams ──────────────────────────────────────────────────────────────────────────────────────


def test_readme_is_short() -> None:
    assert len(readme.text.splitlines()) <= README_LINES
    assert len(readme.text.encode()) <= README_BYTES


def test_readme_links_every_document() -> None:
    assert {*DOCUMENTS, "CHANGELOG.md", "LICENSE"} - {"README.md"} <= readme.linked_paths()


@pytest.mark.parametrize("name", LINKED)
def test_every_link_and_anchor_exists(name: str) -> None:
    document = Markdown(ROOT / name)
    for link in document.links():
        path, _, anchor = link.partition("#")
        if path.startswith("https://"):
            continue
        target = document.path.parent / path if path else document.path
        assert target.exists(), link
        assert not anchor or anchor in Markdown(target).anchors(), link


@each_document
def test_every_path_named_exists(document: Markdown) -> None:
    paths = [path for path in A_PATH.findall(document.prose) if not path.startswith(".venv")]  # created by make
    for path in paths:
        assert any((folder / path).exists() for folder in (ROOT, PACKAGE)), path


def test_the_tree_shown_is_the_tree() -> None:
    tree = next(block for block in developer_guide.blocks("text") if block.startswith("template.yaml "))
    for line in tree.splitlines():
        assert (ROOT / line.split()[0]).exists(), line


def diagrams(kind: str) -> list[str]:
    return [each for document in documents() for each in document.blocks("mermaid") if each.startswith(kind)]


def test_every_diagram_is_of_a_kind_that_is_checked() -> None:
    assert len(diagrams("")) == len(diagrams("sequenceDiagram")) + len(diagrams("flowchart"))


@pytest.mark.parametrize("diagram", diagrams("sequenceDiagram"))
def test_arrows_of_a_sequence_connect_participants(diagram: str) -> None:
    _, *lines = (line.strip() for line in diagram.splitlines())
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


@pytest.mark.parametrize("diagram", diagrams("flowchart"))
def test_edges_of_a_flowchart_connect_nodes(diagram: str) -> None:
    _, *lines = (line.strip() for line in diagram.splitlines() if line.strip())
    nodes = {found["id"] for line in lines if (found := NODE.fullmatch(line) or SUBGRAPH.fullmatch(line))}
    rest = [line for line in lines if not NODE.fullmatch(line) and not SUBGRAPH.fullmatch(line) and line != "end"]
    for line in rest:
        edge = EDGE.fullmatch(line)
        assert edge, line
        assert {edge["from"], edge["to"]} <= nodes, line
    assert sum(line == "end" for line in lines) == sum(line.startswith("subgraph ") for line in lines)
