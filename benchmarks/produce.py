"""The producer process of every Python peer: ``python -m benchmarks.produce <peer> <order>``.

Prints the seconds and the CPU seconds that the adds took.
"""

from __future__ import annotations

import json
import sys
import time

from benchmarks.order import Order
from benchmarks.peers import load_producer


def main(name: str, order: Order) -> None:
    """Carry out the order."""
    peer = load_producer(name)
    if order.warm:
        peer.add(order.job, (time.time() * 1000, 0))
    start, cpu_start = time.perf_counter(), time.process_time()
    if order.bulk:
        now_ms = time.time() * 1000
        peer.add_bulk(order.job, [(now_ms + delay_s * 1000, delay_s) for delay_s in order.delays_s()])
    else:
        for delay_s in order.delays_s():
            if order.pause_s:
                time.sleep(order.pause_s)
            peer.add(order.job, (time.time() * 1000 + delay_s * 1000, delay_s))
    print(json.dumps({"seconds": time.perf_counter() - start, "cpu_s": time.process_time() - cpu_start}))


if __name__ == "__main__":
    main(sys.argv[1], Order(**json.loads(sys.argv[2])))
