"""`python -m tests.support.local`: what `make run` runs. Ctrl-C ends it without a traceback, also while it imports."""

import os
import signal
import sys


def start() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # until `main` has handlers of its own, as in `vbs_reaper.cli.start`
    from tests.support.local.run import INTERRUPTED, main

    code = main()
    if code == INTERRUPTED:
        # All is ended; a thread that the signal caught half-way must not keep the process waiting for it.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


if __name__ == "__main__":
    start()
