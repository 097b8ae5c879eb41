"""The tools, in an environment of their own, each asked for what it finds."""

import json
import os
import subprocess
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.audit.advisories import Advisories, NoDatabase, served
from tests.audit.finding import Finding

ROOT = Path(__file__).parents[2]
TOOLS = ROOT / ".venv-audit" / "bin"
SHIPPED = ("functions", "layers/shared/python")
REQUIREMENTS = ROOT / "layers" / "dependencies" / "requirements.txt"
SBOM = ROOT / "out" / "dependencies-layer.cdx.json"
NOT_OURS = ("out", "node_modules", "__pycache__")
"""Folders that make has made; so are all that begin with a dot, but `.ci`."""


class NotAudited(Exception):
    """A tool could not do its work here; the text is one sentence."""


def known_faults(clone: Path | None = None) -> Iterator[Finding]:
    """Advisories against what the layer holds, then against all that the lock pins (pip-audit).

    They are asked of PyPI, or of a `clone` of PyPA's database.

    Raises:
        NotAudited: the advisories cannot be reached.
    """
    if clone is None:
        yield from _pins_with_advisories("--vulnerability-service", "pypi")
        return
    try:
        advisories = Advisories(clone)
    except NoDatabase as fault:
        raise NotAudited(str(fault)) from None
    print(f"pip-audit: advisories up to {advisories.day}, from a clone; younger ones are not known here")
    with served(advisories) as address, TemporaryDirectory() as cache:
        yield from _pins_with_advisories("--vulnerability-service", "osv", "--osv-url", address, "--cache-dir", cache)


def _pins_with_advisories(*service: str) -> Iterator[Finding]:
    yield from _advisories(REQUIREMENTS, "--require-hashes", *service)
    with TemporaryDirectory() as folder:
        for number, pins in enumerate(editions(_locked())):
            requirements = Path(folder) / f"lock-{number}.txt"
            requirements.write_text("".join(f"{name}=={version}\n" for name, version in sorted(pins.items())))
            yield from _advisories(requirements, "--no-deps", *service)


def _advisories(requirements: Path, *how: str) -> Iterator[Finding]:
    options = ["--strict", "--disable-pip", *how, "--format", "json", "--progress-spinner", "off"]
    finished = _run("pip-audit", *options, "--requirement", str(requirements))
    if not finished.stdout:
        said = next(iter(finished.stderr.strip().splitlines()[-1:]), "nothing")
        raise NotAudited(f"no advisory was looked up: the vulnerability service did not answer for all ({said})")
    for package in json.loads(finished.stdout)["dependencies"]:
        for fault in package["vulns"]:
            yield Finding(tool="pip-audit", kind=fault["id"], file=package["name"], line=package["version"])


def editions(packages: Iterable[Mapping[str, Any]]) -> list[dict[str, str]]:
    """What comes from a registry, by name; where the lock pins a name twice, the second is in the second edition."""
    found: list[dict[str, str]] = []
    for package in packages:
        if "registry" in package["source"]:
            edition = next((each for each in found if package["name"] not in each), None)
            if edition is None:
                found.append(edition := {})
            edition[package["name"]] = package["version"]
    return found


def _locked() -> list[dict[str, Any]]:
    packages: list[dict[str, Any]] = tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))["package"]
    return packages


def weak_code() -> Iterator[Finding]:
    """Weaknesses in what is shipped (bandit)."""
    finished = _run("bandit", "--quiet", "--format", "json", "--recursive", *SHIPPED)
    for result in _document("bandit", finished)["results"]:
        file, number = result["filename"].removeprefix("./"), result["line_number"]
        yield Finding(tool="bandit", kind=result["test_id"], file=file, number=number, line=_line(file, number))


def forgotten_secrets() -> Iterator[Finding]:
    """What looks like a secret in any file of the project (detect-secrets)."""
    finished = _run("detect-secrets", "scan", "--no-verify", *files())
    for file, results in _document("detect-secrets", finished)["results"].items():
        for result in results:
            number = result["line_number"]
            line = _line(file, number)
            yield Finding(tool="detect-secrets", kind=result["type"], file=file, number=number, line=line)


def write_sbom() -> Path:
    """Write what the layer holds as CycloneDX, and hold it against the lock.

    Raises:
        NotAudited: it could not be written, or says otherwise than the lock.
    """
    SBOM.parent.mkdir(exist_ok=True)
    options = ["--pyproject", "pyproject.toml", "--output-reproducible", "--output-format", "JSON", "--validate"]
    finished = _run("cyclonedx-py", "requirements", *options, "--output-file", str(SBOM), str(REQUIREMENTS))
    if finished.returncode:
        raise NotAudited(f"no SBOM: {finished.stderr.strip()}")
    shown = {(each["name"], each["version"]) for each in json.loads(SBOM.read_text(encoding="utf-8"))["components"]}
    if shown != _required() or not shown <= {(each["name"], each.get("version")) for each in _locked()}:
        raise NotAudited("the SBOM names other packages than the layer's requirements and the lock")
    return SBOM


def files() -> list[str]:
    """Every file that is the project's, from its root."""
    found: list[str] = []
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [name for name in folders if name == ".ci" or not (name.startswith(".") or name in NOT_OURS)]
        found += [(Path(folder) / name).relative_to(ROOT).as_posix() for name in names]
    return sorted(found)


def _required() -> set[tuple[str, str]]:
    """Name and version of each line of the layer's requirements; a line that goes on is a hash."""
    lines = REQUIREMENTS.read_text(encoding="utf-8").splitlines()
    pins = [line.split()[0].partition("==") for line in lines if line and not line.startswith(" ")]
    return {(name, version) for name, _, version in pins}


def _run(tool: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([str(TOOLS / tool), *arguments], cwd=ROOT, capture_output=True, text=True, check=False)


def _document(tool: str, finished: "subprocess.CompletedProcess[str]") -> dict[str, Any]:
    try:
        document: dict[str, Any] = json.loads(finished.stdout)
    except json.JSONDecodeError:
        raise NotAudited(f"{tool} failed: {finished.stderr.strip()}") from None
    return document


def _line(file: str, number: int) -> str:
    return (ROOT / file).read_text(encoding="utf-8", errors="replace").splitlines()[number - 1]
