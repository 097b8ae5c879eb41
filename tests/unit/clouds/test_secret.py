"""A secret never shows its value."""

import copy
import json
import pickle
from dataclasses import dataclass

import msgspec
import pytest

from vbs_reaper.backups.secret_text import Secret, StoredSecret

CANARY = "canary-password-7d1f"


@dataclass
class Holder:
    value: Secret


class Record(msgspec.Struct):
    value: Secret


@pytest.mark.parametrize(
    "shown",
    [
        str(Secret(CANARY)),
        repr(Secret(CANARY)),
        f"{Secret(CANARY)} {Secret(CANARY)!r}",
        f"{[Secret(CANARY)]}",
        repr(Holder(Secret(CANARY))),
        repr(Record(Secret(CANARY))),
        repr(StoredSecret(version_id="1", text=Secret(CANARY))),
        str(StoredSecret(version_id="1", text=Secret(CANARY))),
    ],
)
def test_a_secret_shows_nowhere(shown: str) -> None:
    assert CANARY not in shown


def test_only_revealing_gives_the_text() -> None:
    assert Secret(CANARY).reveal() == CANARY


@pytest.mark.parametrize("copied", [pickle.dumps, copy.copy, copy.deepcopy, json.dumps, msgspec.json.encode])
def test_a_secret_cannot_leave_the_process(copied: object) -> None:
    assert callable(copied)
    with pytest.raises(TypeError):
        copied(Secret(CANARY))


def test_secrets_are_compared_by_their_text() -> None:
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert len({Secret("a"), Secret("a")}) == 1
    assert not Secret("")


def test_a_stored_secret_is_called_by_its_name() -> None:
    assert str(StoredSecret(version_id="1", text=Secret(""), name="vbs-reaper/otc")) == "secret vbs-reaper/otc"
    assert str(StoredSecret(version_id="1", text=Secret(""))) == "its secret"
