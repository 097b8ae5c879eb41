"""The settings of the simulated cloud. `Cloud.change_settings` changes them while it runs."""

from dataclasses import dataclass

PROJECT_ID = "5a1e0c7b9d3f4826a0b4c6d8e2f01357"
"""The project of all users except `neighbour`."""

OTHER_PROJECT_ID = "c0ffee00c0ffee00c0ffee00c0ffee00"
"""The project of the user `neighbour`, in the same cloud."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatorSettings:
    """The defaults are those of Cinder and Keystone, except for the duration of a deletion."""

    delete_seconds: float = 2.0
    """From the 202 until the backup is gone or its deletion has failed."""
    create_seconds: float = 0.5
    """From the creation request until the backup is available."""
    driver_error: str | None = None
    """If set, every deletion ends in `error` with this `fail_reason`."""
    children_block: bool = True
    """Whether a backup with incremental backups cannot be deleted. VBS documents False."""
    page_limit: int = 1000
    """The maximum page size (`osapi_max_limit` of Cinder)."""
    serves_v2: bool = True
    """Whether `/v2` is served. Cinder after Xena answers 404 in HTML."""
    links_base: str | None = None
    """The base of links in responses, if another one. Samples of the vendor show an internal host with plain HTTP."""
    catalog: tuple[str, ...] = ("identity", "block-storage", "volumev3", "volumev2", "vbs", "cbr")
    """The service types in the catalog."""
    region: str = "eu-de"
    backup_addresses: tuple[str, ...] = ()
    """The addresses of the backup services in the catalog. If empty, it contains the simulator."""
    cbr_flavour: str = "otc"
    """The flavour of CBR: `otc` or `huawei`."""
    cbr_denied: tuple[str, ...] = ()
    """Actions that are forbidden to all, such as `tasks:list`."""
    cbr_ignores: tuple[str, ...] = ()
    """List parameters that are ignored, such as `resource_id`."""
    cbr_vault_status: str = "available"
    cbr_vault_locked: bool = False
    cbr_log_days: float = 30
    """How long tasks stay in the log."""
    token_seconds: float = 3600.0
    """The lifetime of new tokens."""
    coarse_revocation: bool = False
    """Whether revocations include tokens issued until the end of the same second, as in Keystone."""
    lockout_failures: int = 5
    lockout_window_seconds: float = 900.0
    lockout_seconds: float = 900.0
    latency_seconds: float = 0.0
    """The delay before every response."""
    date_offset_seconds: float = 0.0
    """The error of the `Date` header."""
    project_id: str = PROJECT_ID
    seed: int = 0
    """The seed of IDs, passwords and random faults. Tokens do not depend on it."""
