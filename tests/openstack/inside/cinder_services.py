"""Starts the four services of Cinder and their heartbeats, and defines the control commands."""

from collections.abc import Callable
from typing import Any

import os_brick
from cinder import coordination, objects, rpc, service, version
from cinder.common import config
from cinder.volume import volume_utils
from oslo_config import cfg
from oslo_log import log
from oslo_service import wsgi

from tests.openstack.inside import backup_driver, backup_rows, rate_limit, web
from tests.openstack.inside.beats import Beats
from tests.openstack.inside.sqlite_locking import lock_at_begin

CONF = cfg.CONF
BACKEND = "files"


def start(configuration: str, listener: int) -> dict[str, Callable[..., object]]:
    """Start everything; return the control commands."""
    lock_at_begin()
    objects.register_all()
    CONF(["--config-file", configuration], project="cinder", version=version.version_string())
    config.set_middleware_defaults()
    log.setup(CONF, "cinder")
    os_brick.setup(CONF)
    volume_utils.brick_get_connector_properties = _connector_properties
    coordination.COORDINATOR.start()
    rpc.init(CONF)
    beats = Beats()
    _start_service(beats, "cinder-volume", f"{CONF.host}@{BACKEND}", service_name=BACKEND, coordination=True)
    _start_service(beats, "cinder-backup", CONF.host, service_name="backup", coordination=True, process_number=1)
    _start_service(beats, "cinder-scheduler", CONF.host)  # last: it waits a minute for a volume service
    beats.start()
    paths = _Paths()
    web.serve(paths.application, listener)
    return {
        "max_limit": lambda limit: CONF.set_override("osapi_max_limit", limit),
        "serve_v2": paths.serve_v2,
        "backup_service": beats.set_up,
        "rate_limit": rate_limit.set_deletes_per_minute,
        "driver": backup_driver.steer,
        "write_backups": backup_rows.write,
        "read_backups": backup_rows.read,
        "update_backup": backup_rows.update,
        "remove_backups": backup_rows.remove_all,
    }


def _connector_properties(*_: object, **__: object) -> dict[str, str]:
    """Replaces probing this machine for iSCSI, NVMe and others, which needs root and may write to /etc."""
    return {"host": CONF.host, "ip": CONF.my_ip}


def _start_service(beats: Beats, binary: str, host: str, **options: Any) -> None:
    started = service.Service.create(binary=binary, host=host, **options)
    beats.add(binary, host)
    started.start()


class _Paths:
    """Serves Cinder under its own path, and optionally the same application under /v2."""

    def __init__(self) -> None:
        loader = wsgi.Loader(CONF)
        self.application = loader.load_app("osapi_volume")
        self._v3 = self.application["/v3"]

    def serve_v2(self, on: bool) -> None:
        self.application["/v2"] = self._v3 if on else None
