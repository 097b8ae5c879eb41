"""The responses of the volume service, byte for byte, with headers in the measured order."""

import math

from tests.support.simulator.backups.rate_limit import RateLimit
from tests.support.simulator.body_shapes import HTML, cinder_page, fault
from tests.support.simulator.cloud import Cloud
from tests.support.simulator.exchange import Answer, Header, new_request_id, to_json

NOT_FOUND_TEXT = "The resource could not be found."


def _version_headers(version: str) -> list[Header]:
    return [("OpenStack-API-Version", f"volume {version}"), ("Vary", "OpenStack-API-Version")]


def ok(value: object, version: str, status: int = 200) -> Answer:
    """A successful response with a body."""
    body, request_id = to_json(value), new_request_id()
    headers = [
        ("Content-Type", "application/json"),
        ("x-compute-request-id", request_id),
        ("Content-Length", str(len(body))),
        *_version_headers(version),
        ("x-openstack-request-id", request_id),
    ]
    return Answer(status=status, headers=headers, body=body)


def accepted(version: str) -> Answer:
    """202 for a DELETE: no body, but `application/json`."""
    request_id = new_request_id()
    headers = [
        ("x-compute-request-id", request_id),
        ("Content-Length", "0"),
        ("Content-Type", "application/json"),
        *_version_headers(version),
        ("x-openstack-request-id", request_id),
    ]
    return Answer(status=202, headers=headers)


def refused(status: int, message: str, version: str) -> Answer:
    """An error response of Cinder."""
    body, request_id = to_json(fault(status, message)), new_request_id()
    headers = [
        *_version_headers(version),
        ("Content-Length", str(len(body))),
        ("Content-Type", "application/json"),
        ("x-compute-request-id", request_id),
        ("x-openstack-request-id", request_id),
    ]
    return Answer(status=status, headers=headers, body=body)


def unauthenticated(cloud: Cloud) -> Answer:
    """401 of keystonemiddleware, which verifies the tokens of requests to Cinder."""
    message = "The request you have made requires authentication."
    body = to_json({"error": {"code": 401, "title": "Unauthorized", "message": message}})
    headers = [
        ("Content-Type", "application/json"),
        ("Content-Length", str(len(body))),
        ("WWW-Authenticate", f'Keystone uri="{cloud.auth_url}"'),
        ("x-openstack-request-id", new_request_id()),
    ]
    return Answer(status=401, headers=headers, body=body)


def not_served() -> Answer:
    """404 for a path that is not served: HTML, without the headers of Cinder."""
    body = cinder_page(404, NOT_FOUND_TEXT).encode()
    headers = [
        ("Content-Length", str(len(body))),
        ("Content-Type", HTML),
        ("x-openstack-request-id", new_request_id()),
    ]
    return Answer(status=404, headers=headers, body=body)


def versions(cloud: Cloud, status: int) -> Answer:
    """The version document, at the root (300) and under /v3/ (200, with a token)."""
    version = {
        "id": "v3.0",
        "status": "CURRENT",
        "version": "3.71",
        "min_version": "3.0",
        "updated": "2023-08-31T00:00:00Z",
        "links": [
            {"rel": "describedby", "type": "text/html", "href": "https://docs.openstack.org/"},
            {"rel": "self", "href": f"{cloud.settings.links_base or cloud.url}/v3/"},
        ],
        "media-types": [{"base": "application/json", "type": "application/vnd.openstack.volume+json;version=3"}],
    }
    return ok({"versions": [version]}, "3.0", status)


def too_many_for_cinder(limit: RateLimit, method: str, wait_s: float) -> Answer:
    """The old rate limiter of Cinder: 413, and JSON with the content type text/html."""
    details = f"Only {limit.per_minute} {method} request(s) can be made to * every minute."
    value = {"overLimitFault": {"code": 413, "message": "This request was rate-limited.", "details": details}}
    body = to_json(value)
    headers = [
        ("Content-Type", HTML),
        ("Retry-After", str(math.ceil(wait_s))),
        ("Content-Length", str(len(body))),
        ("x-openstack-request-id", new_request_id()),
        ("Connection", "close"),
    ]
    return Answer(status=413, phrase="Request Entity Too Large", headers=headers, body=body, closes=True)


def too_many_for_gateway(limit: RateLimit) -> Answer:
    """The gateway in front of the service: 429 without Retry-After."""
    words = f"policy user over ratelimit,limit:{limit.per_minute},time:1 minute"
    value = {
        "error_msg": f"The throttling threshold has been reached: {words}",
        "error_code": "APIGW.0308",
        "request_id": new_request_id().removeprefix("req-").replace("-", ""),
    }
    body = to_json(value)
    return Answer(
        status=429, headers=[("Content-Type", "application/json"), ("Content-Length", str(len(body)))], body=body
    )
