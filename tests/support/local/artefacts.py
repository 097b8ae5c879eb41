"""Builds the zips of the functions and layers for this machine. The local stack deploys them."""

import hashlib
import io
import os
import py_compile
import shutil
import subprocess
import tempfile
import zipfile
from collections.abc import Iterator
from functools import cache
from importlib.util import cache_from_source
from pathlib import Path
from typing import Any

import uv

ROOT = Path(__file__).parents[3]
CACHE = ROOT / ".build" / "local"
LOCAL_ENVIRONMENT = ROOT / ".venv-local"
SOURCE_PROPERTY = {"AWS::Serverless::Function": "CodeUri", "AWS::Serverless::LayerVersion": "ContentUri"}
CONSOLE = "vbs_reaper/cli/"  # for operators only, so it is not part of a layer
EPOCH = (1980, 1, 1, 0, 0, 0)


def local_environment() -> Path:
    """Install the virtual environment of the local stack from the lock file; return its interpreter.

    It contains only ministack and boto3, so everything else that a handler imports must come from a layer.
    """
    _uv("sync", "--quiet", "--frozen", "--only-group", "local", UV_PROJECT_ENVIRONMENT=str(LOCAL_ENVIRONMENT))
    return LOCAL_ENVIRONMENT / "bin" / "python"


def sources(template: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """Map the logical ID of every function and layer of a SAM template to its source property and folder."""
    return {
        logical_id: (SOURCE_PROPERTY[resource["Type"]], resource["Properties"][SOURCE_PROPERTY[resource["Type"]]])
        for logical_id, resource in template["Resources"].items()
        if resource["Type"] in SOURCE_PROPERTY
    }


@cache
def build(folder: Path, python: Path) -> bytes:
    """Return the zip of a function or layer with byte code. Requirements are installed into it."""
    if (folder / "python").is_dir():
        return _zip((f"python/{name}", path) for name, path in _shipped(folder / "python"))
    if (folder / "requirements.txt").is_file():
        return _installed(folder / "requirements.txt", python)
    return _zip(_shipped(folder))


def _installed(requirements: Path, python: Path) -> bytes:
    """Return a zip of the requirements, cached until the requirements or the interpreter change."""
    key = hashlib.sha256(requirements.read_bytes() + os.fsencode(python.resolve())).hexdigest()[:16]
    kept = CACHE / f"dependencies-with-byte-code-{key}.zip"
    if not kept.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=CACHE) as scratch:
            _install(requirements, python, Path(scratch) / "python")
            unfinished = Path(scratch) / kept.name
            unfinished.write_bytes(_zip((f"python/{n}", p) for n, p in _shipped(Path(scratch) / "python")))
            unfinished.replace(kept)
    return kept.read_bytes()


def _install(requirements: Path, python: Path, target: Path) -> None:
    options = ["--quiet", "--no-deps", "--require-hashes", "--only-binary", ":all:"]
    _uv("pip", "install", *options, "--python", str(python), "--target", str(target), "-r", str(requirements))
    (target / ".lock").unlink(missing_ok=True)
    shutil.rmtree(target / "bin", ignore_errors=True)


def _shipped(folder: Path) -> Iterator[tuple[str, Path]]:
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder)
        name = relative.as_posix()
        if path.is_file() and "__pycache__" not in relative.parts and not name.startswith(CONSOLE):
            yield name, path


def _zip(files: Iterator[tuple[str, Path]]) -> bytes:
    """Return an uncompressed zip, because it never leaves this machine."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive, tempfile.TemporaryDirectory() as scratch:
        for name, path in files:
            archive.writestr(zipfile.ZipInfo(name, EPOCH), path.read_bytes())
            if path.suffix == ".py":
                compiled = _compile(path, name, Path(scratch) / "module.pyc")
                archive.writestr(zipfile.ZipInfo(cache_from_source(name), EPOCH), compiled)
    return packed.getvalue()


def _compile(path: Path, name: str, to: Path) -> bytes:
    """Return the byte code of a module, so that execution environments need not compile it."""
    unchecked = py_compile.PycInvalidationMode.UNCHECKED_HASH
    py_compile.compile(str(path), str(to), dfile=name, doraise=True, invalidation_mode=unchecked)
    return to.read_bytes()


def _uv(*arguments: str, **environment: str) -> None:
    subprocess.run([uv.find_uv_bin(), *arguments], cwd=ROOT, env=os.environ | environment, check=True)
