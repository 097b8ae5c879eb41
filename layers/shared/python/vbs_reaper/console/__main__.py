"""`python -m vbs_reaper.console`, where the script `vbs-reaper` is not on the path."""

import sys

from vbs_reaper.console.main import main

sys.exit(main())
