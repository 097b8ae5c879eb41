"""Runs cfn-lint with the serverless rules on the translated template.

An error in the SAM template itself stops the translation; `make build` lints it as SAM does.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.infrastructure.translate import translate

CFN_LINT = (str(Path(sys.executable).with_name("cfn-lint")), "--append-rules", "cfn_lint_serverless.rules", "--")


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        translated = Path(folder) / "translated.json"
        translated.write_text(json.dumps(translate(), indent=1, default=str))
        return subprocess.run((*CFN_LINT, str(translated))).returncode


if __name__ == "__main__":
    sys.exit(main())
