"""`python -m tests.simulation --seeds 200 --seed 1`: run seeds, print what failed, how often faults fired, how fast."""

import argparse
import sys
import time

from tests.simulation.faults import Fault
from tests.simulation.load import SETTINGS, suffer_outage, suffer_throttle
from tests.simulation.seeds import Verdict, run_seed, stories


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=100, help="how many seeds, from --seed on")
    parser.add_argument("--seed", type=int, default=1, help="the first seed")
    parser.add_argument("--requests", type=int, default=50, help="requests of one seed")
    parser.add_argument("--cbr", action="store_true", help="every seed has a target of CBR, and no purger")
    parser.add_argument("--load", action="store_true", help="no faults: outage and rate limits, with their figures")
    parser.add_argument("--story", action="store_true", help="tell the stories of --seed, whatever it ends in")
    arguments = parser.parse_args()
    if arguments.story:
        print(stories(arguments.seed, arguments.requests, only_wrong=False, with_cbr=arguments.cbr))
        return 0
    if arguments.load:
        print(suffer_outage(10_000))
        for calls_a_minute, requests in SETTINGS:
            print(suffer_throttle(calls_a_minute, requests))
        return 0
    return run_many(arguments.seed, arguments.seeds, arguments.requests, with_cbr=arguments.cbr)


def run_many(first: int, seeds: int, requests: int, *, with_cbr: bool = False) -> int:
    """Run them all; the number of those that broke a promise, 1 at most."""
    begun = time.perf_counter()
    total = Verdict()
    broken: list[int] = []
    for seed in range(first, first + seeds):
        verdict = run_seed(seed, requests, with_cbr=with_cbr)
        total.add(verdict)
        if verdict.wrongs:
            broken.append(seed)
            print(f"seed {seed} broke a promise:\n{stories(seed, requests, with_cbr=with_cbr)}\n")
        if (seed - first + 1) % 100 == 0:
            print(f"… {seed - first + 1} seeds, {total.counts['requests']} requests, {len(broken)} broken", flush=True)
    print_report(total, seeds, first, broken, time.perf_counter() - begun)
    return 1 if broken else 0


def print_report(total: Verdict, seeds: int, first: int, broken: list[int], seconds: float) -> None:
    print(f"{'fault':70} fired")
    for fault in Fault:
        print(f"{fault.value:70} {total.fired[fault]:8}")
    print(f"ends of requests: {dict(total.ends.most_common())}")
    print(f"ends of runs of the purger: {dict(total.runs.most_common())}")
    print(", ".join(f"{count} {what}" for what, count in total.counts.items()))
    print(
        f"{seeds} seeds from {first} on: {len(broken)} seeds broke a promise {broken[:20]}; "
        f"{seconds:.1f} s, {total.counts['requests'] / seconds:.0f} requests/s"
    )


if __name__ == "__main__":
    sys.exit(main())
