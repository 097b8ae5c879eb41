"""The requirements of the layer match the lock file. `tests/runtime/test_build.py` tests what is built with them."""

import subprocess
import tomllib
from pathlib import Path

from tests.infrastructure.requirements import REQUIREMENTS, required_versions
from tests.infrastructure.translate import ROOT


def test_the_requirements_of_the_layer_match_the_lock(tmp_path: Path) -> None:
    fresh = tmp_path / "requirements.txt"
    command = ["make", "--silent", "requirements", f"REQUIREMENTS={fresh}"]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    assert fresh.read_text() == REQUIREMENTS.read_text()


def test_every_requirement_is_hashed_and_has_no_marker() -> None:
    text = REQUIREMENTS.read_text()
    assert " ; " not in text, "a marker would be judged by the machine that builds"
    assert all("--hash=sha256:" in each for each in text.replace("\\\n", "").splitlines())


def test_the_lock_and_the_requirements_name_the_same_versions() -> None:
    locked = tomllib.loads((ROOT / "uv.lock").read_text())["package"]
    versions = {(package["name"], package.get("version")) for package in locked}
    assert set(required_versions().items()) <= versions
