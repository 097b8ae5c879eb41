"""`make checkov`: its environment is its own, and nothing is asked of a network."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.infrastructure.translate import ROOT, translate

CHECKOV = ROOT / ".venv-checkov" / "bin" / "checkov"
OPTIONS = ("--framework", "cloudformation", "--skip-download", "--quiet", "--compact")
OFFLINE = {"CKV_SKIP_PACKAGE_UPDATE_CHECK": "true", "BC_SKIP_MAPPING": "true"}


def main() -> int:
    """Check; zero when every rule is met or let pass with a reason."""
    with tempfile.TemporaryDirectory() as folder:
        translated = Path(folder) / "translated.json"
        translated.write_text(json.dumps(translate(), default=str))
        # A home of its own: settings and keys of the caller's would have it talk to its vendor.
        environment = {"PATH": os.environ["PATH"], "HOME": folder, **OFFLINE}
        command = (str(CHECKOV), "--file", translated.name, *OPTIONS)
        return subprocess.run(command, cwd=folder, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
