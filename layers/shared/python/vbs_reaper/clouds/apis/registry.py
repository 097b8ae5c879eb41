"""Which API a target speaks, by the service and version in its secret."""

from collections.abc import Mapping
from typing import Final

from vbs_reaper.backups.answer import Service
from vbs_reaper.clouds.apis.cbr_v3 import CBR_V3
from vbs_reaper.clouds.apis.cinder_v3 import CINDER_V2, CINDER_V3
from vbs_reaper.clouds.apis.interface import BackupApi
from vbs_reaper.clouds.apis.vbs_v2 import VBS_V2, VBS_V3
from vbs_reaper.clouds.endpoint import ApiVersion

APIS: Final[Mapping[tuple[Service, ApiVersion], BackupApi]] = {
    ("vbs", "v2"): VBS_V2,
    ("vbs", "v3"): VBS_V3,
    ("cinder", "v2"): CINDER_V2,
    ("cinder", "v3"): CINDER_V3,
    ("cbr", "v3"): CBR_V3,
}
DEFAULT_VERSIONS: Final[Mapping[Service, ApiVersion]] = {"vbs": "v2", "cinder": "v3", "cbr": "v3"}
"""The version of a target that names none."""
