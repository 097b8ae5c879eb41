"""`python -m tests.openstack`: run a real Keystone and Cinder until Ctrl-C, and print how to use them."""

import json
import signal
import threading

from tests.openstack.cloud import Cloud
from tests.openstack.progress import step
from tests.openstack.volumes import create_backup, create_volume


def main() -> None:
    """Start the servers, print how to use them, and stop them at Ctrl-C or SIGTERM."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with Cloud() as cloud:
            with step("create a volume, a full backup and an incremental one"):
                _make_backups(cloud)
            print(_usage(cloud), flush=True)
            threading.Event().wait()
    except KeyboardInterrupt:
        print("stopped; no process and no file is left")


def _make_backups(cloud: Cloud) -> None:
    volume_id = create_volume(cloud, "example")
    create_backup(cloud, volume_id, "daily-full")
    create_backup(cloud, volume_id, "daily-incremental", incremental=True)


def _usage(cloud: Cloud) -> str:
    base = f"{cloud.cinder_url}/v3/{cloud.accounts.project_id}"
    return f"""
Keystone  {cloud.auth_url}
Cinder    {base}
          {base.replace("/v3/", "/v2/")}   (the same application under the path of VBS)

A target secret for each:
{json.dumps(cloud.secret(service="cinder"))}
{json.dumps(cloud.secret(service="vbs"))}

Try:
  TOKEN={cloud.token()}
  curl -s -H "X-Auth-Token: $TOKEN" {base}/backups/detail
  curl -i -X DELETE -H "X-Auth-Token: $TOKEN" {base}/backups/ID

Logs:     {" ".join(str(path) for path in cloud.log_files.values())}
Ctrl-C stops everything."""


if __name__ == "__main__":
    main()
