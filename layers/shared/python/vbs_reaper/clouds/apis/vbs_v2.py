"""The Volume Backup Service (VBS) of Open Telekom Cloud and Huawei Cloud: Cinder's API with error codes of its own.

Source: API reference "Volume Backup Service", chapter "Native OpenStack API" and its error codes.
"""

from typing import Final

from vbs_reaper.clouds.apis.cinder_v3 import CinderApi

VBS_V2: Final = CinderApi(version="v2", service_types=("vbs", "vbsv2", "volumev2", "volumev3", "block-storage"))
VBS_V3: Final = CinderApi(version="v3", service_types=("vbs", "vbsv2", "volumev3", "block-storage", "volumev2"))
