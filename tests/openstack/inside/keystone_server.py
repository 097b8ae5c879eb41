"""Runs Keystone: `python -m … CONFIGURATION LISTENER`. See `control.py` for its commands."""

import os
import sys

import keystone.conf
from keystone.server import wsgi

from tests.openstack.inside import web
from tests.openstack.inside.control import Control, exit_now
from tests.openstack.inside.sqlite_locking import lock_at_begin

CONF = keystone.conf.CONF


def set_token_lifetime(seconds: int) -> None:
    """Set the lifetime of new tokens."""
    CONF.set_override("expiration", seconds, group="token")


def main() -> None:
    control = Control()
    configuration, listener = sys.argv[1:]
    del sys.argv[1:]  # Keystone would parse them
    os.environ["OS_KEYSTONE_CONFIG_FILES"] = configuration
    lock_at_begin()
    application = wsgi.initialize_public_application()
    web.serve(application, int(listener))
    control.serve({"token_lifetime": set_token_lifetime})
    exit_now()


if __name__ == "__main__":
    main()
