"""The error response of Cinder to a call."""


class Refusal(Exception):
    """Causes an error response with this status and message."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
