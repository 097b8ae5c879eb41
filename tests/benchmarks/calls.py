"""Calls per proven deletion: ours against the waiting loops of others."""

from tests.benchmarks.client_peer import count_client
from tests.benchmarks.counting import BASE_S, LOOKS_AT_MOST, TAKES, count_ours, count_terraform
from tests.benchmarks.ours import quiet
from tests.benchmarks.sdk_peer import count_sdk
from tests.benchmarks.table import Row


def measure_calls(deletions: int) -> list[Row]:
    """Rows for deletions that take long and short; ours share their login, a peer's run makes one deletion."""
    rows: list[Row] = []
    for name, takes_s in TAKES.items():
        with quiet():
            ours = count_ours(takes_s, deletions)
        bound = (3 if takes_s <= BASE_S / 2 else LOOKS_AT_MOST + 1) + 1 / deletions
        peers = {
            "openstacksdk, wait=True": count_sdk(takes_s),
            "python-openstackclient, a look every 10 s": count_client(takes_s),
            "Terraform's loop, computed": count_terraform(takes_s),
        }
        for peer, counted in peers.items():
            rows.append(
                Row(
                    part="calls",
                    name=f"deletion of {name} / {peer}",
                    pairs=[(ours.per_deletion, counted.per_deletion)],
                    unit="calls",
                    bound=bound,
                )
            )
    return rows
