"""The rights that the operator guide names for CBR are enough to list, delete and prove, and each of them is needed."""

import json
from collections.abc import Iterator

import pytest

from tests.infrastructure.markdown import Markdown
from tests.infrastructure.translate import ROOT
from tests.integration.reach import TARGET, Hourglass, Reach, reaching
from tests.support.simulator.cloud import Cloud
from vbs_reaper.backups.answer import AnswerName, Page

KNOWN = {"backups:list", "backups:get", "backups:delete", "tasks:list", "vaults:list", "vaults:backup"}
"""The rights that the simulator asks for."""


def documented() -> set[str]:
    (text,) = (each for each in Markdown(ROOT / "functions/README.md").blocks("text") if '"cbr:' in each)
    (statement,) = json.loads(text)["Statement"]
    return {action.removeprefix("cbr:") for action in statement["Action"]}


@pytest.fixture
def reach(cloud: Cloud) -> Iterator[Reach]:
    with reaching(cloud, service="cbr") as reach:
        yield reach


def failed_step(cloud: Cloud, reach: Reach, allowed: set[str]) -> str | None:
    """List, delete and prove with these rights only; returns the first step that fails."""
    cloud.change_settings(cbr_denied=tuple(KNOWN - allowed), delete_seconds=0)
    backup_id = cloud.add_backup()
    if not all(isinstance(page, Page) for page in reach.api.list_backups(TARGET, Hourglass())):
        return "list"
    if reach.show(backup_id).name is not AnswerName.FOUND:
        return "show"
    if reach.delete(backup_id).name is not AnswerName.ACCEPTED:
        return "delete"
    return None if reach.show(backup_id).name is AnswerName.GONE else "prove"


def test_the_documented_rights_are_enough(cloud: Cloud, reach: Reach) -> None:
    assert failed_step(cloud, reach, documented()) is None


@pytest.mark.parametrize(
    ("missing", "step"),
    [("backups:list", "list"), ("backups:get", "show"), ("backups:delete", "delete"), ("tasks:list", "prove")],
)
def test_each_documented_right_is_needed(cloud: Cloud, reach: Reach, missing: str, step: str) -> None:
    assert missing in documented()
    assert failed_step(cloud, reach, documented() - {missing}) == step
