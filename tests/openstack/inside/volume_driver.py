"""A volume driver with small sparse files, which the backup service reads by path."""

import shutil
from pathlib import Path
from typing import Any

from cinder import interface
from cinder.volume import driver
from oslo_config import cfg

MIB = 1024**2
FILE_SIZE = MIB
"""The file size of every volume, independently of its nominal size, to make backups fast."""


@interface.volumedriver
class FileVolumeDriver(driver.VolumeDriver):
    VERSION = "1.0"

    @property
    def folder(self) -> Path:
        return Path(str(cfg.CONF.state_path)) / "volumes"

    def do_setup(self, context: object) -> None:
        self.folder.mkdir(exist_ok=True)

    def check_for_setup_error(self) -> None:
        if not self.folder.is_dir():
            raise OSError("the volumes' folder is missing")

    def _update_volume_stats(self) -> None:
        self._stats = {
            "volume_backend_name": self.configuration.safe_get("volume_backend_name"),
            "vendor_name": "vbs-reaper tests",
            "driver_version": self.VERSION,
            "storage_protocol": "file",
            "total_capacity_gb": "infinite",
            "free_capacity_gb": "infinite",
            "reserved_percentage": 0,
        }

    def get_volume_stats(self, refresh: bool = False) -> dict[str, Any]:
        self._update_volume_stats()
        return self._stats

    def _path(self, volume: Any) -> Path:
        return self.folder / str(volume.name)

    def create_volume(self, volume: Any) -> None:
        with self._path(volume).open("wb") as file:
            file.truncate(FILE_SIZE)

    def delete_volume(self, volume: Any) -> None:
        self._path(volume).unlink(missing_ok=True)

    def create_snapshot(self, snapshot: Any) -> None:
        shutil.copy(self._path(snapshot.volume), self._path(snapshot))

    def delete_snapshot(self, snapshot: Any) -> None:
        self._path(snapshot).unlink(missing_ok=True)

    def create_volume_from_snapshot(self, volume: Any, snapshot: Any) -> None:
        shutil.copy(self._path(snapshot), self._path(volume))

    def local_path(self, volume: Any) -> str:
        return str(self._path(volume))

    def initialize_connection(self, volume: Any, connector: object, **_options: object) -> dict[str, Any]:
        return {"driver_volume_type": "local", "data": {"device_path": self.local_path(volume)}}

    def terminate_connection(self, volume: object, connector: object, **_options: object) -> None:
        """Do nothing."""

    def ensure_export(self, context: object, volume: object) -> None:
        """A path needs no export."""

    def create_export(self, context: object, volume: object, connector: object) -> None:
        """A path needs no export."""

    def remove_export(self, context: object, volume: object) -> None:
        """A path needs no export."""
