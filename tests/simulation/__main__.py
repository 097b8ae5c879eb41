"""`python -m tests.simulation --seeds 200 --seed 1`: run seeds; print failures, fault counts and the speed."""

import argparse
import sys
import time

from tests.simulation.faults import Fault
from tests.simulation.load import SETTINGS, suffer_outage, suffer_throttle
from tests.simulation.seeds import Verdict, run_seed, traces


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=200, help="number of seeds, starting with --seed")
    parser.add_argument("--seed", type=int, default=1, help="the first seed")
    parser.add_argument("--requests", type=int, default=50, help="number of requests in each seed")
    parser.add_argument("--cbr", action="store_true", help="use a target of CBR, and no purger, in every seed")
    parser.add_argument(
        "--load", action="store_true", help="instead, measure an outage and rate limits without other faults"
    )
    parser.add_argument("--trace", action="store_true", help="print what happens to each request of --seed")
    arguments = parser.parse_args()
    if arguments.trace:
        print(traces(arguments.seed, arguments.requests, only_wrong=False, with_cbr=arguments.cbr))
        return 0
    if arguments.load:
        print(suffer_outage(10_000))
        for calls_a_minute, requests in SETTINGS:
            print(suffer_throttle(calls_a_minute, requests))
        return 0
    return run_many(arguments.seed, arguments.seeds, arguments.requests, with_cbr=arguments.cbr)


def run_many(first: int, seeds: int, requests: int, *, with_cbr: bool = False) -> int:
    """Run the seeds; return 1 if one of them failed, otherwise 0."""
    begun = time.perf_counter()
    total = Verdict()
    failed: list[int] = []
    for seed in range(first, first + seeds):
        verdict = run_seed(seed, requests, with_cbr=with_cbr)
        total.add(verdict)
        if verdict.wrongs:
            failed.append(seed)
            print(f"seed {seed} failed:\n{traces(seed, requests, with_cbr=with_cbr)}\n")
        if (seed - first + 1) % 100 == 0:
            print(
                f"… {seed - first + 1} seeds, {total.counts['requests']} requests, {len(failed)} seeds failed",
                flush=True,
            )
    print_report(total, seeds, first, failed, time.perf_counter() - begun)
    return 1 if failed else 0


def print_report(total: Verdict, seeds: int, first: int, failed: list[int], seconds: float) -> None:
    print(f"{'fault':70}    count")
    for fault in Fault:
        print(f"{fault.value:70} {total.fired[fault]:8}")
    print(f"requests ended as: {dict(total.ends.most_common())}")
    print(f"purge runs ended as: {dict(total.runs.most_common())}")
    print(", ".join(f"{count} {what}" for what, count in total.counts.items()))
    outcome = f"{len(failed)} failed {failed[:20]}" if failed else "none failed"
    print(
        f"{seeds} seeds, starting with {first}: {outcome}; "
        f"{seconds:.1f} s, {total.counts['requests'] / seconds:.0f} requests/s"
    )


if __name__ == "__main__":
    sys.exit(main())
