"""Cinder's own rate limiter as a paste filter that can be tightened while the server runs."""

from collections.abc import Callable
from typing import Any

from cinder.api.middleware.rate_limit import Limiter, RateLimitingMiddleware

_middlewares: list[RateLimitingMiddleware] = []


def filter_factory(_global_configuration: object, **_options: object) -> Callable[[Any], RateLimitingMiddleware]:
    """Called by paste; no limit until one is set."""

    def limited(application: Any) -> RateLimitingMiddleware:
        middleware = RateLimitingMiddleware(application)
        middleware._limiter = Limiter([])
        _middlewares.append(middleware)
        return middleware

    return limited


def set_deletes_per_minute(deletes: int | None) -> None:
    """Limit each user's DELETEs, counted from now; None lifts the limit."""
    rule = f"(DELETE, *, .*, {deletes}, MINUTE)" if deletes else ""
    for middleware in _middlewares:
        middleware._limiter = Limiter(Limiter.parse_limits(rule))
