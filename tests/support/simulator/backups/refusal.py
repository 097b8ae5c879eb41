"""How a call ends that Cinder will not carry out."""


class Refusal(Exception):
    """Cinder says no, with this status and these words."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
