"""Only one module builds the paths of backup calls, and only one sends requests."""

import ast
from collections.abc import Iterator
from pathlib import Path

import vbs_reaper

PACKAGE = Path(vbs_reaper.__file__).parent
SENDERS = {"get", "post", "put", "patch", "delete", "head", "options", "request", "urlopen"}


def modules() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        yield path.relative_to(PACKAGE).as_posix(), ast.parse(path.read_text())


def texts(tree: ast.AST) -> Iterator[str]:
    """Yield every string in the code that is not a docstring."""
    for node in ast.walk(tree):
        for child in ast.iter_child_nodes(node):
            is_lone = isinstance(node, ast.Expr)
            if not is_lone and isinstance(child, ast.Constant) and isinstance(child.value, str):
                yield child.value


def test_only_the_file_of_an_api_builds_the_path_of_a_backup() -> None:
    paths = ((name, text.replace("…/backups", "")) for name, tree in modules() for text in texts(tree))  # not prose
    builders = {name for name, text in paths if "/backups" in text or "/volumes" in text}
    assert builders == {"clouds/apis/cbr_v3.py", "clouds/apis/cinder_v3.py"}


def test_requests_are_sent_only_by_the_transport() -> None:
    past = {
        f"{name}: {ast.unparse(node.func)}"
        for name, tree in modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in SENDERS
        and ast.unparse(node.func.value)
        in {"requests", "urllib3", "urllib.request", "httpx", "self.session", "session"}
    }
    assert past == set()


def test_certificate_verification_is_never_disabled() -> None:
    loose = {
        name
        for name, tree in modules()
        for node in ast.walk(tree)
        if (isinstance(node, ast.keyword) and node.arg == "verify")
        or (
            isinstance(node, ast.Attribute)
            and node.attr in {"CERT_NONE", "CERT_OPTIONAL", "_create_unverified_context"}
        )
    }
    assert loose == set()
