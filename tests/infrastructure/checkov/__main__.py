"""`make checkov`: checks each combination of parameters, in an environment of its own and without a network."""

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
    """Check; zero when every rule is met or let pass with a reason."""
    with tempfile.TemporaryDirectory() as folder:
        for number, given in enumerate(COMBINATIONS):
            parameters = {
                name: {**each, "Default": given.get(name, each["Default"])}
                for name, each in translated()["Parameters"].items()
            }
            document = {**translated(), "Parameters": parameters}
            (Path(folder) / f"combination-{number}.json").write_text(json.dumps(document, default=str))
        # A home of its own: settings and keys of the caller's would have it talk to its vendor.
        environment = {"PATH": os.environ["PATH"], "HOME": folder, **OFFLINE}
        command = (str(CHECKOV), "--directory", folder, *OPTIONS)
        return subprocess.run(command, cwd=folder, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
