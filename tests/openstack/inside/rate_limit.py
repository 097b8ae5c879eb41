"""Cinder's rate limiter as a paste filter that can be changed while the server runs."""

from collections.abc import Callable
from typing import Any

from cinder.api.middleware.rate_limit import Limiter, RateLimitingMiddleware

_middlewares: list[RateLimitingMiddleware] = []


def filter_factory(_global_configuration: object, **_options: object) -> Callable[[Any], RateLimitingMiddleware]:
    """Create the filter, initially without a limit. Called by paste."""

    def limited(application: Any) -> RateLimitingMiddleware:
        middleware = RateLimitingMiddleware(application)
        middleware._limiter = Limiter([])
        _middlewares.append(middleware)
        return middleware

    return limited


def set_deletes_per_minute(deletes: int | None) -> None:
    """Limit the DELETEs of each user, counted from now; None removes the limit."""
    rule = f"(DELETE, *, .*, {deletes}, MINUTE)" if deletes else ""
    for middleware in _middlewares:
        middleware._limiter = Limiter(Limiter.parse_limits(rule))
