"""Starts the command line: Ctrl-C ends it without a traceback at any moment, also while modules are imported."""

import signal
import sys


def start() -> int:
    """Run the command in `sys.argv`; return its exit code."""
    # The default action of the signal ends the process; `main` raises KeyboardInterrupt only while a command runs.
    # A shell that starts a command in the background makes it ignore the signal, and this is left so.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from vbs_reaper.cli.main import main

    return main(sys.argv[1:])
