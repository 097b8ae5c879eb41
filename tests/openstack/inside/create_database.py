"""Create the empty database that a configuration file names: `python -m … keystone|cinder CONFIGURATION`."""

import os
import sys


def create_keystone_database(configuration: str) -> None:
    """Create the tables, the default domain, its administrator and roles."""
    import keystone.server
    from keystone.cmd import bootstrap
    from keystone.common.sql import upgrades

    keystone.server.configure(config_files=[configuration])
    upgrades.offline_sync_database_to_version()
    bootstrapper = bootstrap.Bootstrapper()
    bootstrapper.admin_username = "admin"
    bootstrapper.admin_password = os.environ["ADMINISTRATOR_PASSWORD"]
    bootstrapper.admin_role_name = "admin"
    bootstrapper.project_name = "admin"
    bootstrapper.bootstrap()


def create_cinder_database(configuration: str) -> None:
    """Create the tables and the default volume type."""
    from cinder import monkey_patch

    monkey_patch.patch()
    from cinder.common import config  # noqa: F401  # registers the options that the tables' defaults read
    from cinder.db import migration
    from oslo_config import cfg

    cfg.CONF(["--config-file", configuration], project="cinder")
    migration.db_sync()


if __name__ == "__main__":
    service, configuration_file = sys.argv[1:]
    del sys.argv[1:]  # Keystone would parse them
    {"keystone": create_keystone_database, "cinder": create_cinder_database}[service](configuration_file)
