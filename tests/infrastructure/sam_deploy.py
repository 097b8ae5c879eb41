"""Prints the options of `sam deploy` from its command line and samconfig.toml, without deploying.

Runs with the interpreter of SAM instead of `.venv-sam/bin/sam`: `.venv-sam/bin/python sam_deploy.py deploy …`.
"""

import json
import sys

from samcli.commands.deploy.command import cli

if __name__ == "__main__":
    _, name, *words = sys.argv
    if name != "deploy":
        sys.exit(f"sam {name} is not supported")
    json.dump(cli.make_context(name, words).params, sys.stdout, default=str)
