"""The virtual environment and the empty databases of the servers, recreated if the requirements change."""

import fcntl
import hashlib
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uv

from tests.openstack.configuration import Places, keystone_configuration, schema_configuration, write_keys
from tests.openstack.progress import step

ROOT = Path(__file__).parents[2]
ENVIRONMENT = ROOT / ".venv-openstack"
PYTHON = ENVIRONMENT / "bin" / "python"
DATABASES = ENVIRONMENT / "databases"
PASSWORD = DATABASES / "administrator-password"
SERVICES = ("keystone", "cinder")
REQUIREMENTS = Path(__file__).with_name("requirements.txt")
STAMP = ENVIRONMENT / "pins.sha256"
LAST_LINES = 25
LOCK = ROOT / ".build" / "openstack.lock"


def prepare() -> None:
    """Create environment and databases if needed. A second process waits for the first."""
    with _locked():
        if not STAMP.is_file() or STAMP.read_text() != _pins():
            _install()
        if not all(_database(service).is_file() for service in SERVICES):
            _create_databases()


def copy_database(service: str, to: Path) -> None:
    """Copy the empty database of a service."""
    shutil.copyfile(_database(service), to)


def administrator_password() -> str:
    """Return the password of the Keystone administrator, set with the database because that revokes tokens."""
    return PASSWORD.read_text()


def servers_environment() -> dict[str, str]:
    """Return the environment variables of the servers: native threads, and this repository on the path."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OS_", "PYTHON"))}
    return kept | {"OS_CINDER_DISABLE_EVENTLET_PATCHING": "1", "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}


@contextmanager
def _locked() -> Iterator[None]:
    LOCK.parent.mkdir(exist_ok=True)
    with LOCK.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _pins() -> str:
    return hashlib.sha256(REQUIREMENTS.read_bytes() + sys.version.encode()).hexdigest()


def _install() -> None:
    with step("install Keystone and Cinder"):
        _uv("venv", "--quiet", "--clear", "--python", sys.executable, str(ENVIRONMENT))
        _uv("pip", "install", "--quiet", "--require-hashes", "--python", str(PYTHON), "-r", str(REQUIREMENTS))
        STAMP.write_text(_pins())


def _create_databases() -> None:
    """Create both databases in parallel, and rename the files when they are complete."""
    DATABASES.mkdir(exist_ok=True)
    with step("create the databases"), tempfile.TemporaryDirectory(dir=DATABASES) as scratch:
        places = Places(Path(scratch))
        PASSWORD.write_text(secrets.token_urlsafe())
        write_keys(places)
        creators = {service: _creator(service, places) for service in SERVICES}
        try:
            failed = [service for service, creator in creators.items() if creator.wait()]
        finally:
            for creator in creators.values():
                creator.kill()
                creator.wait()
        for service in failed:
            raise RuntimeError(f"{service}'s database could not be created:\n{last_lines(places.log(service))}")
        for service in SERVICES:
            (Path(scratch) / f"{service}.sqlite").replace(_database(service))


def _creator(service: str, places: Places) -> subprocess.Popen[bytes]:
    text = keystone_configuration(places) if service == "keystone" else schema_configuration(places)
    places.configuration(service).write_text(text)
    command = [str(PYTHON), "-m", "tests.openstack.inside.create_database", service]
    variables = servers_environment() | {"ADMINISTRATOR_PASSWORD": administrator_password()}
    command.append(str(places.configuration(service)))
    with places.log(service).open("w") as log:
        return subprocess.Popen(command, env=variables, cwd=ROOT, stdout=log, stderr=log)


def last_lines(log: Path) -> str:
    """Return the last lines of a log, for an error message."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-LAST_LINES:])


def _database(service: str) -> Path:
    return DATABASES / f"{service}.sqlite"


def _uv(*arguments: str) -> None:
    subprocess.run([uv.find_uv_bin(), *arguments], cwd=ROOT, check=True)
