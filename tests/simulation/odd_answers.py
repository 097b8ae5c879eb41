"""Unexpected responses: their bytes, and their meaning in the decision table."""

import json
import random
from dataclasses import dataclass
from email.utils import format_datetime
from typing import Final

from tests.simulation.faults import Fault
from tests.simulation.timeline import Timeline

HTML: Final = b"<html><body>sorry</body></html>"


@dataclass(frozen=True, slots=True)
class Odd:
    """One unexpected response.

    `halts`: it halts the target; `is_certain`: even if other records get good answers. `refuses`: the reason with which
    it refuses the request. `perhaps_done`: the call may have been carried out.
    """

    status: int
    body: bytes = HTML
    halts: bool = False
    is_certain: bool = False
    refuses: str | None = None
    perhaps_done: bool = False
    retry_after: str | None = None


def _json(**document: object) -> bytes:
    return json.dumps(document).encode()


def _bad(message: str, code: object = 400) -> bytes:
    return _json(badRequest={"code": code, "message": message})


ODD: Final = {
    Fault.OK_TO_DELETE: Odd(200, b"", perhaps_done=True),
    Fault.NO_CONTENT_TO_DELETE: Odd(204, b"", perhaps_done=True),
    Fault.MOVED: Odd(302, halts=True),
    Fault.MALFORMED_URL: Odd(400, _bad("Malformed request url"), halts=True, is_certain=True),
    Fault.USED_BY_IMAGE: Odd(400, _bad("has images", "VolumeBackup.0113"), refuses="used_by_image"),
    Fault.VBS_TROUBLE: Odd(400, _bad("trouble", "VolumeBackup.0014"), halts=True),
    Fault.VBS_TOKEN: Odd(400, _bad("token", "Common.0013")),
    Fault.BAD_JSON: Odd(400, _bad("unknown error")),
    Fault.BAD_APIG: Odd(400, _json(error_code="APIG.0201", error_msg="header too large"), halts=True),
    Fault.BAD_HTML: Odd(400),
    Fault.UNAUTHORIZED: Odd(401, _json(error={"code": 401, "message": "no"})),
    Fault.IN_ARREARS: Odd(402, _json(error_msg="account is in arrears"), halts=True),
    Fault.FORBIDDEN: Odd(403, _json(forbidden={"code": 403, "message": "Policy does not allow this."})),
    Fault.GATEWAY: Odd(403, _json(error_code="APIG.0301", error_msg="Incorrect IAM"), halts=True),
    Fault.LOST_HTML: Odd(404, halts=True),
    Fault.LOST_APIG: Odd(404, _json(error_code="APIG.0101", error_msg="The API does not exist"), halts=True),
    Fault.LOST_EMPTY: Odd(404, b"", halts=True),
    Fault.LOST_OTHER: Odd(
        404,
        _json(itemNotFound={"code": 404, "message": f"Backup {'1' * 8}-1111-4111-8111-{'1' * 12} could not be found."}),
        halts=True,
    ),
    Fault.NOT_ALLOWED: Odd(405, halts=True),
    Fault.NOT_ACCEPTABLE: Odd(406, halts=True),
    Fault.PROXY: Odd(407, halts=True, is_certain=True),
    Fault.REQUEST_TIMEOUT: Odd(408, perhaps_done=True),
    Fault.CONFLICT: Odd(409, _json(conflictingRequest={"code": 409, "message": "conflict"})),
    Fault.WITHDRAWN: Odd(410, halts=True),
    Fault.TOO_LARGE: Odd(413, halts=True, is_certain=True),
    Fault.URI_TOO_LONG: Odd(414),
    Fault.TEAPOT: Odd(418),
    Fault.TEAPOT_APIG: Odd(418, _json(error={"code": "APIG.0201", "message": "no"}), halts=True),
    Fault.MISDIRECTED: Odd(421, halts=True),
    Fault.HEADERS_TOO_LARGE: Odd(431, halts=True),
    Fault.HEADER_TOO_LARGE: Odd(494, halts=True),
    Fault.TOO_MANY: Odd(429, halts=True, is_certain=True, retry_after="seconds"),
    Fault.TOO_MANY_DATED: Odd(429, halts=True, is_certain=True, retry_after="date"),
    Fault.SERVER_ERROR: Odd(500, perhaps_done=True),
    Fault.NOT_IMPLEMENTED: Odd(501, halts=True),
    Fault.BAD_GATEWAY: Odd(502, halts=True, perhaps_done=True),
    Fault.UNAVAILABLE: Odd(503, halts=True, retry_after="seconds"),
    Fault.GATEWAY_TIMEOUT: Odd(504, halts=True, perhaps_done=True),
    Fault.ODD_STATUS: Odd(520),
}

TO_DELETE_ONLY: Final = (Fault.OK_TO_DELETE, Fault.NO_CONTENT_TO_DELETE)
TO_ALL: Final = tuple(fault for fault in ODD if fault not in TO_DELETE_ONLY)
ON_THE_WIRE: Final = (Fault.UNREACHABLE, Fault.TLS_FAILED, Fault.STALE, Fault.RESET, Fault.READ_TIMEOUT)
LOOKS: Final = (
    Fault.OTHER_SHOWN,
    Fault.UNREADABLE,
    Fault.FIELD_MISSING,
    Fault.FIELD_ODD,
    Fault.FIELD_TWICE,
    Fault.CACHED_GONE,
    Fault.STRANGE_STATUS,
    Fault.NOT_OWNED,
    Fault.CUT_SHORT,
)
TO_A_LOOK: Final = (*ON_THE_WIRE, *LOOKS, *TO_ALL)
TO_A_DELETE: Final = (*ON_THE_WIRE, Fault.CUT_SHORT, *TO_DELETE_ONLY, *TO_ALL)


def retry_after(odd: Odd, timeline: Timeline, rng: random.Random, skew_s: float) -> tuple[dict[str, str], float | None]:
    """Return the header, and the seconds to wait according to the clock of the function."""
    if odd.retry_after is None:
        return {}, None
    wanted = rng.randint(1, 600)
    if odd.retry_after == "seconds":
        return {"retry-after": str(wanted)}, float(wanted)
    until = timeline.moment(timeline.now + wanted).replace(microsecond=0)
    left = (until - timeline.moment(timeline.now + skew_s)).total_seconds()
    return {"retry-after": format_datetime(until, usegmt=True)}, min(max(left, 1.0), 3600.0)
