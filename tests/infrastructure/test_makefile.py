"""The Makefile: package indexes, removed files, and printed messages."""

import os
import subprocess
from pathlib import Path

from tests.infrastructure.translate import ROOT


def commands_of(*words: str, **environment: str) -> str:
    """Return the commands that make would run for a target whose files do not exist."""
    return subprocess.run(
        ["make", "--dry-run", "--always-make", *words],  # noqa: S607
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "PIP", "UV"))}
        | environment,
        capture_output=True,
        check=True,
        text=True,
    ).stdout


def test_the_list_of_targets_fits_80_columns() -> None:
    output = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, check=True, text=True).stdout  # noqa: S607
    assert "make run" in output
    assert max(map(len, output.splitlines())) <= 80


def test_packages_come_from_a_mirror_if_one_is_set_with_the_hashes_of_the_lock(tmp_path: Path) -> None:
    no_file = {"PIP_CONFIG_FILE": os.devnull}
    assert "uv sync --quiet --frozen --extra console" in commands_of(".venv/stamp", **no_file)
    file = tmp_path / "pip.conf"
    file.write_text("[global]\ntimeout = 60\nindex-url = https://mirror.example/simple\n")
    for setting in (
        {"PIP_INDEX_URL": "https://mirror.example/simple"},
        {"UV_DEFAULT_INDEX": "https://mirror.example/simple"},
        {"PIP_CONFIG_FILE": str(file)},
    ):
        output = commands_of(".venv/stamp", ".venv-sam/stamp", **no_file | setting)
        assert "uv sync" not in output, "it would fetch the addresses in uv.lock, which are those of PyPI"
        assert output.count("uv pip sync --quiet --require-hashes") == 2
        assert output.count("--editable .") == 1


def test_the_certificates_of_the_machine_are_trusted_by_default() -> None:
    assert "[1]" in commands_of("--eval", "show: ; @echo [$(UV_SYSTEM_CERTS)]", "show")
    assert "[0]" in commands_of("--eval", "show: ; @echo [$(UV_SYSTEM_CERTS)]", "show", UV_SYSTEM_CERTS="0")


def test_an_unwritable_cache_folder_is_replaced(tmp_path: Path) -> None:
    output = commands_of("--eval", "show: ; @echo [$(UV_CACHE_DIR)]", "show", HOME="/dev/null")
    assert f"[{ROOT}/.build/uv-cache]" in output
    assert "[]" in commands_of("--eval", "show: ; @echo [$(UV_CACHE_DIR)]", "show", HOME=str(tmp_path))


def test_the_last_message_of_a_build_is_about_byte_code() -> None:
    output = commands_of("build", PYTHON="python3.99").splitlines()
    (build,) = (place for place, line in enumerate(output) if line.endswith("/sam build"))
    assert "contain no byte code" in " ".join(output[build + 1 :])


def test_clean_removes_the_files_of_tests_and_python() -> None:
    output = commands_of("clean")
    assert ".hypothesis" in output
    assert "__pycache__" in output
