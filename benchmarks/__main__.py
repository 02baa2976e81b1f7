"""``python -m benchmarks``: every workload, every peer, in alternating rounds; writes docs/benchmarks.md."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from benchmarks import machine, peers, workloads
from benchmarks.bench import Bench, RunFailed
from benchmarks.report import jobs, page
from benchmarks.results import Results
from benchmarks.server import postgres_server, redis_server

OpenBench = Callable[[str], Bench]


def main() -> None:
    """Run what the command line asks for."""
    asked = _arguments()
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as directory,
        redis_server(Path(directory)) as redis,
        postgres_server(Path(directory)),
    ):
        present = [peer for peer in asked.peers if _is_present(peer)]
        facts = machine.facts(present)
        results = Results()
        open_bench = partial(Bench, redis=redis, directory=Path(directory))
        for workload in asked.workloads:
            for round_ in range(asked.rounds):
                # Each round begins with another peer, so that none always runs on the machine's freshest moments.
                turn = round_ % len(present)
                for peer in present[turn:] + present[:turn]:
                    _measure(workload, peer, asked, open_bench, results)
            # After each workload: a run takes long, and what it has is worth keeping.
            asked.out.write_text(page(results, facts, datetime.now(UTC), asked.rounds, asked.scale))
    print(f"wrote {asked.out}")


def _measure(workload: str, peer: str, asked: argparse.Namespace, open_bench: OpenBench, results: Results) -> None:
    """One peer's turn in one round: at the workload's concurrency, or at each of the peer's."""
    shape, contender = workloads.load(workload), peers.load(peer)
    if shape.PEERS is not None and peer not in shape.PEERS:
        return
    if workload in contender.CANNOT:
        results.failures[workload, peer] = [f"not run: {contender.CANNOT[workload]}"]
        return
    for concurrency in (shape.CONCURRENCY,) if shape.CONCURRENCY else contender.CONCURRENCIES:
        bench = open_bench(peer)
        try:
            figures = shape.run(bench, jobs(workload, peer, asked.scale), concurrency)
        except RunFailed as error:
            results.failures[workload, peer].append(str(error))
            _say(f"{workload:15} {peer:15} {concurrency:4}  {error}")
        else:
            results.add(workload, peer, concurrency, figures)
            told = ", ".join(f"{value:,.1f} {metric}" for metric, value in figures.items())
            _say(f"{workload:15} {peer:15} {concurrency:4}  {told}")
        finally:
            bench.close()


def _is_present(peer: str) -> bool:
    try:
        peers.load(peer)
    except ImportError as error:
        _say(f"without {peer}: {error}")
        return False
    return True


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--scale", type=float, default=1.0, help="part of the full number of jobs (default 1)")
    parser.add_argument("--peers", nargs="+", choices=peers.NAMES, default=list(peers.NAMES), metavar="PEER")
    parser.add_argument(
        "--workloads", nargs="+", choices=workloads.NAMES, default=list(workloads.NAMES), metavar="WORKLOAD"
    )
    parser.add_argument("--out", type=Path, default=Path("docs/benchmarks.md"))
    return parser.parse_args()


if __name__ == "__main__":
    main()
