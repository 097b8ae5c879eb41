"""Runs ministack for as long as whoever started it lives: then it ends with every function it runs, even if killed.

Run as a script by the stack's own interpreter, which has nothing of this project; standard input is the lifeline.
"""

import os
import runpy
import signal
import sys
import threading


def _hold() -> None:
    sys.stdin.buffer.read()  # returns when the other end is closed, which the death of its holder does as well
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    threading.Thread(target=_hold, daemon=True).start()
    runpy.run_module("ministack", run_name="__main__")
