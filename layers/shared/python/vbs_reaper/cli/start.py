"""Starts the command line: Ctrl-C ends it without a traceback at any moment, also while modules are imported."""

import signal
import sys


def start() -> int:
    """Run the command in `sys.argv`; return its exit code."""
    # Only main() can handle KeyboardInterrupt. Before and after, the default action of the signal ends the process.
    # A shell that starts a command in the background makes it ignore the signal, and this is left so.
    is_ours = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if is_ours:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from vbs_reaper.cli.main import main

    try:
        if is_ours:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        return main(sys.argv[1:])
    except KeyboardInterrupt:  # while main() reported another error
        return 130
    finally:
        if is_ours:
            signal.signal(signal.SIGINT, signal.SIG_DFL)
