"""How the simulated cloud behaves; every figure can be changed while it runs (`Cloud.change_settings`)."""

from dataclasses import dataclass

PROJECT_ID = "5a1e0c7b9d3f4826a0b4c6d8e2f01357"
"""The project everybody but the neighbour belongs to."""

OTHER_PROJECT_ID = "c0ffee00c0ffee00c0ffee00c0ffee00"
"""The neighbour's project, in the same cloud."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatorSettings:
    """The defaults are those of a stock Cinder and Keystone, but for the time a deletion takes."""

    delete_seconds: float = 2.0
    """From the 202 until the backup is gone (or the driver has failed)."""
    create_seconds: float = 0.5
    """From the request for a backup until it is available."""
    driver_error: str | None = None
    """Every deletion ends in `error` with this as its `fail_reason`."""
    children_block: bool = True
    """Whether a backup with incrementals can not be deleted; False as VBS documents itself."""
    page_limit: int = 1000
    """Cinder's `osapi_max_limit`: the longest page there is."""
    serves_v2: bool = True
    """Whether `/v2` is served at all: a Cinder after Xena answers 404 in HTML."""
    links_base: str | None = None
    """Where the links in answers lead, when not here: the vendor's samples show an internal plain-http host."""
    catalog: tuple[str, ...] = ("identity", "block-storage", "volumev3", "volumev2", "vbs", "cbr")
    """The types of service the catalogue names."""
    region: str = "eu-de"
    backup_addresses: tuple[str, ...] = ()
    """Where the catalogue says the backup services are, each in one endpoint per interface; empty: here."""
    cbr_flavour: str = "otc"
    """Whose CBR it is: `otc` or `huawei`."""
    cbr_denied: tuple[str, ...] = ()
    """Actions that no policy allows, such as `tasks:list`."""
    cbr_ignores: tuple[str, ...] = ()
    """Parameters of lists that have no effect, such as `resource_id`."""
    cbr_vault_status: str = "available"
    cbr_vault_locked: bool = False
    cbr_log_days: float = 30
    """How long a task stays in the log."""
    token_seconds: float = 3600.0
    """How long a token issued from now on lives."""
    coarse_revocation: bool = False
    """Revocations reach to the end of their second, as in Keystone: tokens issued in that second are refused too."""
    lockout_failures: int = 5
    lockout_window_seconds: float = 900.0
    lockout_seconds: float = 900.0
    latency_seconds: float = 0.0
    """Before every answer."""
    date_offset_seconds: float = 0.0
    """How far the `Date` header is off."""
    project_id: str = PROJECT_ID
    seed: int = 0
    """Of ids, of passwords, and of faults at random; tokens are always new."""
