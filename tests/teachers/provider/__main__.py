"""PYTHONPATH=tests/teachers python -m provider [--requests_per_minute N] [--sliding] [--latency_seconds S]

Prints its port, serves until its standard input ends, then prints what it saw as JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys

from provider.http_server import Connections
from provider.provider import Provider
from provider.rate_limits import RateLimits, busiest
from provider.serving import listen


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests_per_minute", type=float)
    parser.add_argument("--window_seconds", type=float, default=60.0)
    parser.add_argument("--sliding", action="store_true")
    parser.add_argument("--latency_seconds", type=float, default=0.0)
    arguments = parser.parse_args()
    limits = RateLimits(
        requests=arguments.requests_per_minute,
        window_seconds=arguments.window_seconds,
        sliding=arguments.sliding,
    )
    provider = Provider(limits=limits, latency_seconds=arguments.latency_seconds)
    await listen(provider, Connections(provider.handle))
    print(provider.port, flush=True)
    await asyncio.to_thread(sys.stdin.read)
    seen = {
        "received": len(provider.arrivals),
        "refused": len(provider.gate.refused),
        "arrivals": provider.arrivals,
        "busiest_minute": busiest([(at, 1) for at in provider.arrivals], 60.0),
        **provider.bill.summary(),
    }
    print(json.dumps(seen))


if __name__ == "__main__":
    asyncio.run(main())
