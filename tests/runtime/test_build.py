"""The artifacts of a real `sam build`, checked file by file."""

import csv
import hashlib
import shutil
from base64 import urlsafe_b64encode
from pathlib import Path

import pytest

from tests.infrastructure.rendered import Rendered
from tests.infrastructure.requirements import required_versions
from tests.infrastructure.translate import ROOT
from tests.runtime.built import Built

AARCH64 = 183  # e_machine of an ELF file
LAYERS = ("DependenciesLayer", "SharedLayer")
MOST_BYTES = 25_000_000
PACKAGE = ROOT / "layers" / "shared" / "python" / "vbs_reaper"
RUNTIME_PACKAGES = {"boto3", "botocore", "s3transfer", "jmespath", "dateutil", "six"}
LEFT_OUT = {"setuptools", "pip", "bin", "tests", "test", "cli"}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    return Built(tmp_path_factory.mktemp("sam"))


def sources(files: set[str]) -> set[str]:
    """Remove byte code, which is only built with a Python of the version of the runtime."""
    return {name for name in files if "__pycache__" not in name}


def installed(built: Built) -> dict[str, str]:
    """Return the version by distribution in the layer."""
    names = [each.stem for each in (built.folder("DependenciesLayer") / "python").glob("*.dist-info")]
    return {name.rpartition("-")[0].replace("_", "-").lower(): name.rpartition("-")[2] for name in names}


def machine_code(built: Built) -> list[str]:
    return [name for name in built.files("DependenciesLayer") if ".so" in Path(name).suffixes]


@pytest.mark.parametrize("logical_id", Rendered().every("Lambda::Function"))
def test_a_function_is_one_file(built: Built, logical_id: str) -> None:
    assert built.files(logical_id) == {"app.py"}


def test_the_shared_layer_is_the_package_without_the_console(built: Built) -> None:
    package = {
        f"python/vbs_reaper/{path.relative_to(PACKAGE).as_posix()}" for path in PACKAGE.rglob("*") if path.is_file()
    }
    console = {name for name in package if name.startswith("python/vbs_reaper/cli/")}
    assert sources(built.files("SharedLayer")) == sources(package - console)
    assert console


def test_the_dependency_layer_contains_the_requirements_and_no_package_of_the_runtime(built: Built) -> None:
    assert installed(built) == required_versions()
    top = {name.split("/")[1] for name in built.files("DependenciesLayer")}
    assert not top & (RUNTIME_PACKAGES | LEFT_OUT)
    assert {name.split("/")[0] for name in built.files("DependenciesLayer")} == {"python"}


def test_every_file_of_the_dependency_layer_has_the_digest_in_its_wheel(built: Built) -> None:
    python = built.folder("DependenciesLayer") / "python"
    recorded = {name: digest for record in python.glob("*.dist-info/RECORD") for name, digest in read_record(record)}
    files = sources({name.removeprefix("python/") for name in built.files("DependenciesLayer")})
    written_by_pip = {name for name in files if name.endswith((".dist-info/INSTALLER", ".dist-info/REQUESTED"))}
    assert files <= recorded.keys()
    for name in files - written_by_pip:
        digest = hashlib.sha256((python / name).read_bytes()).digest()
        assert recorded[name] in {"", f"sha256={urlsafe_b64encode(digest).rstrip(b'=').decode()}"}, name


def read_record(path: Path) -> list[tuple[str, str]]:
    """Return name and digest of each file of an installed wheel, except the RECORD itself."""
    with path.open(encoding="utf-8", newline="") as lines:
        return [(name, digest) for name, digest, _ in csv.reader(lines)]


def test_the_dependency_layer_stays_small(built: Built) -> None:
    folder = built.folder("DependenciesLayer")
    assert sum((folder / name).stat().st_size for name in built.files("DependenciesLayer")) <= MOST_BYTES


def test_machine_code_is_for_the_runtime_on_any_build_machine(built: Built) -> None:
    folder = built.folder("DependenciesLayer")
    libraries = machine_code(built)
    assert any("/msgspec/" in name for name in libraries)
    for name in libraries:
        assert name.endswith(".cpython-313-aarch64-linux-gnu.so")
        header = (folder / name).read_bytes()[:20]
        assert header[:4] == b"\x7fELF"
        assert int.from_bytes(header[18:20], "little") == AARCH64


def test_a_second_build_uses_the_requested_platform(built: Built, tmp_path: Path) -> None:
    """The cache of SAM must not be used, because it ignores the variables of the Makefile of a layer."""
    shutil.copytree(built.scratch, tmp_path, dirs_exist_ok=True)
    libraries = machine_code(Built(tmp_path, PLATFORM="manylinux2014_x86_64"))
    assert libraries
    assert all("x86_64" in name for name in libraries)


def test_byte_code_is_complete_for_the_runtime_or_absent(built: Built) -> None:
    for layer in LAYERS:
        files = built.files(layer)
        compiled = {name for name in files if name.endswith(".pyc")}
        modules = {name for name in files if name.endswith(".py")}
        assert all(name.endswith(".cpython-313.pyc") for name in compiled)
        assert len(compiled) in {0, len(modules)}


def test_functions_and_layers_are_recorded_for_their_architecture(built: Built) -> None:
    definitions = list(built.definitions())
    assert len(definitions) == len(LAYERS) + len(Rendered().every("Lambda::Function"))
    assert {definition["architecture"] for definition in definitions} == {"arm64"}
