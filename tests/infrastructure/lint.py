"""cfn-lint with the serverless rules, on the template as written and as CloudFormation sees it."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.infrastructure.translate import TEMPLATE, translate

CFN_LINT = (str(Path(sys.executable).with_name("cfn-lint")), "--append-rules", "cfn_lint_serverless.rules", "--")


def main() -> int:
    """Lint both; the exit code is the first complaint's."""
    with tempfile.TemporaryDirectory() as folder:
        translated = Path(folder) / "translated.json"
        translated.write_text(json.dumps(translate(), default=str))
        for template in (TEMPLATE, translated):
            finished = subprocess.run((*CFN_LINT, str(template)), check=False)
            if finished.returncode:
                return finished.returncode
    return 0


if __name__ == "__main__":
    sys.exit(main())
