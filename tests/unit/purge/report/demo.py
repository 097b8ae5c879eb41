"""Writes the page that preview.png beside this file shows: a shop's volumes, two months into a policy.

python -m tests.unit.purge.report.demo preview.html
chromium --headless --hide-scrollbars --window-size=1050,2300 --screenshot=preview.png preview.html
"""

import sys
from datetime import timedelta
from pathlib import Path
from random import Random

import msgspec

from tests.unit.purge.strategies import NOW, Record, backup_id, record
from vbs_reaper.backups.backup import Backup
from vbs_reaper.purge.inventory import Inventory
from vbs_reaper.purge.plan import Plan, plan
from vbs_reaper.purge.policy import read_policy
from vbs_reaper.purge.report.html_page import write_page

POLICY = read_policy(
    {
        "policy": "nightly",
        "target": "otc-prod",
        "match": {"name": "*-20*", "status": ["available", "error"], "older_than": "3d"},
        "group_by": {"name": r"^(.+)-\d{8}"},
        "keep": {"last": 3, "daily": 7, "weekly": 4, "monthly": 12, "yearly": 2},
        "timezone": "Europe/Berlin",
        "grace": "2d",
        "guards": {"max_deletions": 300, "max_fraction": 0.6, "max_newest_age": "48h"},
    }
)

VOLUMES = {"shop-database": (0, 362, 100), "shop-files": (0, 240, 250), "wiki": (120, 330, 20), "mail": (0, 90, 80)}


def backups() -> list[Record]:
    """Nightly backups. Those of `wiki` have stopped, some failed, some are on hold."""
    random = Random(8)
    found: list[Record] = []
    for volume, (name, (newest, oldest, size)) in enumerate(VOLUMES.items()):
        for days in range(newest, oldest):
            if random.random() < 0.03:
                continue
            age = timedelta(days=days, hours=1, minutes=random.randrange(20))
            row = record(len(found), age=age, name=f"{name}-{NOW - age:%Y%m%d}", size=size)
            row["volume_id"] = backup_id(10**9 + volume)
            if random.random() < 0.015:
                row["description"] = "[hold] until the audit"
            if random.random() < 0.015:
                row["status"] = "error"
            found.append(row)
    return found


def made() -> Plan:
    """The plan after some weeks of earlier ones, with most selected backups gone and far from the guards."""
    rows = backups()
    last: Plan | None = None
    for days in range(50, -1, -1):
        now = NOW - timedelta(days=days)
        listed = [row for row in rows if row["created_at"] <= f"{now:%Y-%m-%dT%H:%M:%S}"]
        last = plan(
            POLICY, Inventory(backups=msgspec.convert(listed, list[Backup])), now, last=last, run=f"{now:%Y-%m-%d}"
        )
        if days in {40, 30, 20, 12, 7}:
            gone = {row.id for row in last.due if row.group != "mail" and int(row.id[-3:], 16) % 4}
            rows = [row for row in rows if row["id"] not in gone]
    if last is None:
        raise AssertionError
    return last


if __name__ == "__main__":
    Path(sys.argv[1]).write_text("".join(write_page(made())), encoding="utf-8")
