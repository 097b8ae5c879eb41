"""The configuration files of the servers, in a new folder for each start."""

import base64
import secrets
from dataclasses import dataclass
from pathlib import Path

REGION = "test-region"
KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class Places:
    """The paths of the files of one start."""

    folder: Path

    def configuration(self, service: str) -> Path:
        return self.folder / f"{service}.conf"

    def database(self, service: str) -> Path:
        return self.folder / f"{service}.sqlite"

    def log(self, service: str) -> Path:
        return self.folder / f"{service}.log"

    def keys(self, purpose: str) -> Path:
        return self.folder / f"fernet-{purpose}"

    @property
    def paste(self) -> Path:
        return self.folder / "api-paste.ini"

    @property
    def backup_store(self) -> Path:
        """The contents of the backups; empty when all backups are gone."""
        return self.folder / "backups"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceLogin:
    """The login with which Cinder verifies tokens at Keystone."""

    keystone_url: str
    username: str
    password: str


def keystone_configuration(places: Places) -> str:
    """Return a configuration with keys and caches of this start only, and few hash rounds for speed."""
    return f"""
[DEFAULT]
use_stderr = true
[database]
connection = sqlite:///{places.database("keystone")}
[identity]
password_hash_rounds = 4
[token]
provider = fernet
[fernet_tokens]
key_repository = {places.keys("tokens")}
[fernet_receipts]
key_repository = {places.keys("receipts")}
[credential]
key_repository = {places.folder}/credential-keys
[cache]
enabled = true
backend = dogpile.cache.memory
"""


def write_keys(places: Places) -> None:
    """Write new Fernet keys for tokens and receipts: one staged and one primary key."""
    for purpose in ("tokens", "receipts"):
        repository = places.keys(purpose)
        repository.mkdir(mode=0o700)
        for name in ("0", "1"):
            (repository / name).write_bytes(base64.urlsafe_b64encode(secrets.token_bytes(KEY_BYTES)))
            (repository / name).chmod(0o600)


def schema_configuration(places: Places) -> str:
    """Return the part of the configuration that Cinder needs to create its tables."""
    return f"""
[DEFAULT]
use_stderr = true
state_path = {places.folder}
[database]
connection = sqlite:///{places.database("cinder")}
[oslo_concurrency]
lock_path = {places.folder}/locks
"""


def cinder_configuration(places: Places, login: ServiceLogin, shipped: Path) -> str:
    """Return a configuration for all services in one process, without broker, periodic tasks, quotas and token cache.

    Heartbeats are sent by `beats.py`. Each deletion that waits in the driver occupies a thread; there are enough for
    all deletions of a test. `shipped` is the folder of the configuration files of Cinder. The default quota class in
    its tables is disabled, because it would take precedence.
    """
    quotas = ("backups", "backup_gigabytes", "volumes", "gigabytes", "snapshots", "per_volume_gigabytes")
    no_quotas = "\n".join(f"quota_{name} = -1" for name in quotas)
    return f"""{schema_configuration(places)}
[DEFAULT]
{no_quotas}
use_default_quota_class = false
transport_url = fake:///
executor_thread_pool_size = 256
auth_strategy = keystone
api_paste_config = {places.paste}
resource_query_filters_file = {shipped}/resource_filters.json
host = test-host
my_ip = 127.0.0.1
enabled_backends = files
report_interval = 0
periodic_interval = 0
backup_driver = tests.openstack.inside.backup_driver.ConfigurableBackupDriver
backup_posix_path = {places.backup_store}
backup_enable_progress_timer = false
[files]
volume_driver = tests.openstack.inside.volume_driver.FileVolumeDriver
volume_backend_name = files
[coordination]
backend_url = file://{places.folder}/coordination
[key_manager]
backend = cinder.keymgr.conf_key_mgr.ConfKeyManager
[keystone_authtoken]
auth_type = password
auth_url = {login.keystone_url}
www_authenticate_uri = {login.keystone_url}
username = {login.username}
password = {login.password}
user_domain_id = default
project_name = service
project_domain_id = default
token_cache_time = -1
"""


def paste_configuration(shipped: Path) -> str:
    """Return the pipeline of Cinder with its rate limiter after the token check."""
    text = (shipped / "api-paste.ini").read_text()
    pipeline = "osprofiler authtoken keystonecontext apiv3"
    if pipeline not in text:
        raise RuntimeError("this version of Cinder has a different pipeline in api-paste.ini")
    limited = text.replace(pipeline, "osprofiler authtoken keystonecontext ratelimit apiv3")
    return limited + "\n[filter:ratelimit]\npaste.filter_factory = tests.openstack.inside.rate_limit:filter_factory\n"
