"""Calls a second through the teacher side (ledger on, 200 in flight) against a bare asyncio loop over the same SDK.

A loopback server answers after 50 ms. Both loops use the SDK's fastest transport (aiohttp), retries off. The two take
turns, and the ratio is taken pair by pair, so that a drift of the machine's speed cancels.

    python benchmarks/distill_throughput.py [--calls 4000] [--rounds 5]
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from machine import describe_machine

from lessons.records import Message, Prompt
from teachers import AnthropicBackend, Limits, OpenAIBackend, RationaleAnnotator, TeacherBackend, distill

IN_FLIGHT = 200
LATENCY_SECONDS = 0.05
QUESTION = "Tom has {} apples and buys 30 more. How many apples does he have now?"


def prompts(calls: int) -> list[Prompt]:
    return [Prompt(str(k), (Message("user", QUESTION.format(k)),), reference="42") for k in range(calls)]


async def bounded(calls: int, call: Callable[[int], Awaitable[object]]) -> None:
    """The bare loop: workers that take the next number until none is left."""
    numbers = iter(range(calls))

    async def worker() -> None:
        for number in numbers:
            await call(number)

    await asyncio.gather(*(worker() for _ in range(IN_FLIGHT)))


async def bare_openai(url: str, calls: int) -> None:
    from openai import AsyncOpenAI, DefaultAioHttpClient

    async with AsyncOpenAI(
        base_url=f"{url}/v1", api_key="none", max_retries=0, http_client=DefaultAioHttpClient()
    ) as client:
        await bounded(
            calls,
            lambda k: client.chat.completions.create(
                model="m", max_completion_tokens=1024, messages=[{"role": "user", "content": QUESTION.format(k)}]
            ),
        )


async def bare_anthropic(url: str, calls: int) -> None:
    from anthropic import AsyncAnthropic, DefaultAioHttpClient

    async with AsyncAnthropic(
        base_url=url, api_key="none", max_retries=0, http_client=DefaultAioHttpClient()
    ) as client:
        await bounded(
            calls,
            lambda k: client.messages.create(
                model="m", max_tokens=1024, messages=[{"role": "user", "content": QUESTION.format(k)}]
            ),
        )


def through_distill(teacher: TeacherBackend, calls: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        distill(
            prompts=prompts(calls),
            teacher=teacher,
            annotators=[RationaleAnnotator()],
            grader=None,
            ledger=Path(folder) / "ledger.sqlite",
            out=Path(folder) / "lessons.parquet",
            limits=Limits(in_flight=IN_FLIGHT),
        )


def seconds(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def compare(name: str, bare: Callable[[], object], ours: Callable[[], object], calls: int, rounds: int) -> None:
    bare(), ours()  # warm up: imports, connections, caches
    pairs = [(seconds(bare), seconds(ours)) for _ in range(rounds)]
    ratio = [b / o for b, o in pairs]
    print(
        f"{name}: bare {calls / statistics.median(b for b, _ in pairs):.0f} calls/s, "
        f"distill {calls / statistics.median(o for _, o in pairs):.0f} calls/s, "
        f"ratio median {statistics.median(ratio):.3f} (min {min(ratio):.3f}, max {max(ratio):.3f})",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=4_000)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    os.environ["LOOPBACK_KEY"] = "none"
    print(describe_machine())
    server = Path(__file__).with_name("loopback_server.py")
    process = subprocess.Popen([sys.executable, server, str(LATENCY_SECONDS)], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        url = f"http://127.0.0.1:{int(process.stdout.readline())}"
        calls, rounds = arguments.calls, arguments.rounds
        openai = OpenAIBackend(model="m", base_url=f"{url}/v1", api_key_variable="LOOPBACK_KEY")
        anthropic = AnthropicBackend(model="m", base_url=url, api_key_variable="LOOPBACK_KEY")
        compare(
            "openai",
            lambda: asyncio.run(bare_openai(url, calls)),
            lambda: through_distill(openai, calls),
            calls,
            rounds,
        )
        compare(
            "anthropic",
            lambda: asyncio.run(bare_anthropic(url, calls)),
            lambda: through_distill(anthropic, calls),
            calls,
            rounds,
        )
    finally:
        process.kill()
        process.wait()


if __name__ == "__main__":
    main()
