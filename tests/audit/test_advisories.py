"""A clone of the advisory database answers as the service would: by versions named, and by ranges of releases."""

from pathlib import Path

import pytest
import requests

from tests.audit.advisories import Advisories, Advisory, NoDatabase, is_affected, served

ADVISORY = """
id: PYSEC-2000-1
published: 2000-01-02T00:00:00Z
affected:
- package: {name: Parcel, ecosystem: PyPI}
  ranges:
  - type: GIT
    events: [{introduced: "0"}]
  - type: ECOSYSTEM
    events: [{introduced: 1.0}, {fixed: 1.10}]
  versions: [0.9-odd, 0.80]
"""


def advisory(*events: dict[str, str], ecosystem: str = "PyPI") -> Advisory:
    package = {"name": "parcel", "ecosystem": ecosystem}
    return {"affected": [{"package": package, "ranges": [{"type": "ECOSYSTEM", "events": list(events)}]}]}


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    (tmp_path / "vulns" / "parcel").mkdir(parents=True)
    (tmp_path / "vulns" / "parcel" / "PYSEC-2000-1.yaml").write_text(ADVISORY)
    return tmp_path


@pytest.mark.parametrize(
    ("version", "affected"),
    [("0.9", False), ("1.0", True), ("1.9", True), ("1.10rc1", True), ("1.10", False), ("2.0", True), ("2.1", False)],
)
def test_a_range_is_read_release_by_release(version: str, affected: bool) -> None:
    fixed_twice = advisory({"introduced": "2.0"}, {"introduced": "1.0"}, {"fixed": "1.10"}, {"last_affected": "2.0"})
    assert is_affected(fixed_twice, "parcel", version) is affected


def test_what_was_never_fixed_affects_every_release_of_that_ecosystem_alone() -> None:
    assert is_affected(advisory({"introduced": "0"}), "parcel", "99")
    assert not is_affected(advisory({"introduced": "0"}), "parcels", "99")
    assert not is_affected(advisory({"introduced": "0"}, ecosystem="npm"), "parcel", "99")


def test_it_answers_as_the_service_does(clone: Path) -> None:
    with served(Advisories(clone)) as address:
        asked = {
            version: requests.post(
                address,
                json={"package": {"name": "parcel", "ecosystem": "PyPI"}, "version": version},
                timeout=10,
            ).json()
            for version in ("1.2", "0.9-odd", "0.80", "0.8", "1.10")
        }
    assert [found["id"] for found in asked["1.2"]["vulns"]] == ["PYSEC-2000-1"]
    assert asked["1.2"]["vulns"][0]["published"] == "2000-01-02T00:00:00Z"
    assert asked["0.9-odd"] == asked["0.80"] == asked["1.2"], "a version may be named that is no release"
    assert asked["1.10"] == asked["0.8"] == {}, "a version is text"


def test_a_folder_without_advisories_is_no_clean_bill(tmp_path: Path) -> None:
    with pytest.raises(NoDatabase, match="name a clone"):
        Advisories(tmp_path)
