"""Reads the pinned requirements of the layer."""

from tests.infrastructure.translate import ROOT

REQUIREMENTS = ROOT / "layers" / "dependencies" / "requirements.txt"


def required_versions() -> dict[str, str]:
    """Return the version by distribution."""
    lines = [line.split()[0] for line in REQUIREMENTS.read_text().splitlines() if not line.startswith(" ")]
    return dict(line.split("==") for line in lines)
