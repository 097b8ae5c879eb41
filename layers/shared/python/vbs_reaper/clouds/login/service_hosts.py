"""The documented hosts of the backup services, for targets without a catalog.

Source: "Regions and Endpoints" of Open Telekom Cloud and of Huawei Cloud.
"""

import re
from typing import Final

OTC_REGIONS: Final = {"vbs": ("eu-de",), "cbr": ("eu-de", "eu-nl")}
"""The services with documented hosts, and their regions of Open Telekom Cloud. Huawei Cloud has both in the others."""

_HUAWEI_REGION: Final = re.compile(r"(?:af|ap|cn|la|me|na|sa|tr)-[a-z]{2,20}-[0-9]{1,3}", re.ASCII)


def find_service_address(service: str, region: str) -> str | None:
    """Return the address of a service in a region; None if it is not documented."""
    if region in OTC_REGIONS.get(service, ()):
        return f"https://{service}.{region}.otc.t-systems.com"
    if service in OTC_REGIONS and _HUAWEI_REGION.fullmatch(region):
        return f"https://{service}.{region}.myhuaweicloud.com"
    return None
