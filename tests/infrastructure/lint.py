"""cfn-lint with the serverless rules, on the template as written and as CloudFormation sees it."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.infrastructure.translate import TEMPLATE, translate

CFN_LINT = (str(Path(sys.executable).with_name("cfn-lint")), "--append-rules", "cfn_lint_serverless.rules", "--")


def main() -> int:
    """Lint both at the same time; the exit code is the first complaint's."""
    with tempfile.TemporaryDirectory() as folder:
        written = subprocess.Popen((*CFN_LINT, str(TEMPLATE)))
        translated = Path(folder) / "translated.json"
        translated.write_text(json.dumps(translate(), default=str))
        seen = subprocess.Popen((*CFN_LINT, str(translated)))
        codes = written.wait(), seen.wait()
    return next(filter(None, codes), 0)


if __name__ == "__main__":
    sys.exit(main())
