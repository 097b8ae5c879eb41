"""`python -m vbs_reaper.cli`: runs the commands if the script `vbs-reaper` is not on the path."""

import sys

from vbs_reaper.cli.start import start

sys.exit(start())
