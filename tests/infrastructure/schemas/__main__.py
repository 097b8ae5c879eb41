"""Writes the schemas, or prints the table of events."""

import argparse
import sys

from tests.infrastructure.schemas.catalogue import table
from tests.infrastructure.schemas.files import write


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.infrastructure.schemas", description=__doc__)
    parser.add_argument("--write", action="store_true", help="write events/schemas/")
    if parser.parse_args().write:
        write()
    else:
        sys.stdout.write("\n".join(table()) + "\n")


if __name__ == "__main__":
    main()
