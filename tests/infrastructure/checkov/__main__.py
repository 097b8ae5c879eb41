"""`make checkov`: checks each combination of parameters, in its own virtual environment and without a network."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.infrastructure.combinations import COMBINATIONS
from tests.infrastructure.rendered import translated
from tests.infrastructure.translate import ROOT

CHECKOV = ROOT / ".venv-checkov" / "bin" / "checkov"
OPTIONS = ("--framework", "cloudformation", "--skip-download", "--quiet", "--compact")
OFFLINE = {"CKV_SKIP_PACKAGE_UPDATE_CHECK": "true", "BC_SKIP_MAPPING": "true"}


def main() -> int:
    """Run the checks; return 0 if every rule is met or suppressed with a reason."""
    with tempfile.TemporaryDirectory() as folder:
        for number, given in enumerate(COMBINATIONS):
            parameters = {
                name: {**each, "Default": given.get(name, each["Default"])}
                for name, each in translated()["Parameters"].items()
            }
            document = {**translated(), "Parameters": parameters}
            (Path(folder) / f"combination-{number}.json").write_text(json.dumps(document, default=str))
        # A separate home, because settings and keys of the user could make it contact its vendor.
        environment = {"PATH": os.environ["PATH"], "HOME": folder, **OFFLINE}
        command = (str(CHECKOV), "--directory", folder, *OPTIONS)
        return subprocess.run(command, cwd=folder, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
