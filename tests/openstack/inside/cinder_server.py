"""Cinder's API, scheduler, volume and backup services in one process: `python -m … CONFIGURATION LISTENER`."""

import sys

from cinder import monkey_patch

from tests.openstack.inside.control import Control, exit_now


def main() -> None:
    control = Control()
    configuration, listener = sys.argv[1:]
    monkey_patch.patch()  # chooses native threads (by its variable) before any other part of Cinder is imported
    from tests.openstack.inside import cinder_services

    control.serve(cinder_services.start(configuration, int(listener)))
    exit_now()


if __name__ == "__main__":
    main()
