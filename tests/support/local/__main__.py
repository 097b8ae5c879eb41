"""Entry point of `make run`. Ctrl-C prints no traceback, not even during the imports."""

import os
import signal
import sys


def start() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # until `main` installs its handlers, as in `vbs_reaper.cli.start`
    from tests.support.local.run import INTERRUPTED, main

    code = main()
    if code == INTERRUPTED:
        # Everything has been stopped. Do not wait for threads that the signal interrupted.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


if __name__ == "__main__":
    start()
