"""How well `distill` uses a limit of R requests a minute, in real minutes, and whether it ever exceeds it.

The emulated provider of the tests (tests/teachers/provider) counts every request over a sliding minute and answers 429
beyond R. The limit is told to `distill`, or learnt from the provider's headers.

    python benchmarks/distill_rate_limit.py [--requests_per_minute 1200] [--minutes 1.5] [--learnt]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from machine import describe_machine

from lessons.records import Message, Prompt
from teachers import AnthropicBackend, Limits, OpenAIBackend, RationaleAnnotator, distill

PROVIDER = Path(__file__).resolve().parents[1] / "tests" / "teachers"
STEADY_AFTER_SECONDS = 5.0


def provider(requests_per_minute: float) -> subprocess.Popen[str]:
    """Start the provider; it prints its port first, and what it saw when its input ends."""
    limit = ["--requests_per_minute", str(requests_per_minute), "--sliding", "--latency_seconds", "0.2"]
    environment = {**os.environ, "PYTHONPATH": str(PROVIDER)}
    pipes: Any = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "env": environment}
    return subprocess.Popen([sys.executable, "-m", "provider", *limit], **pipes)


def run(vendor: str, requests_per_minute: float, calls: int, learnt: bool) -> dict[str, Any]:
    """Make calls as fast as the limit allows; return what the provider saw."""
    with provider(requests_per_minute) as process, tempfile.TemporaryDirectory() as folder:
        assert process.stdout is not None
        url = f"http://127.0.0.1:{int(process.stdout.readline())}"
        teacher = (
            OpenAIBackend("m", f"{url}/v1", "LOOPBACK_KEY")
            if vendor == "openai"
            else AnthropicBackend("m", url, "LOOPBACK_KEY")
        )
        distill(
            prompts=[Prompt(str(k), (Message("user", f"{k}+1=?"),)) for k in range(calls)],
            teacher=teacher,
            annotators=[RationaleAnnotator()],
            grader=None,
            ledger=Path(folder) / "ledger.sqlite",
            out=Path(folder) / "lessons.parquet",
            limits=Limits(in_flight=64, requests_per_minute=None if learnt else requests_per_minute),
            progress=False,
        )
        seen: dict[str, Any] = json.loads(process.communicate()[0])
        return seen


def report(vendor: str, requests_per_minute: float, learnt: bool, seen: dict[str, Any]) -> None:
    steady = [at for at in seen["arrivals"] if at >= seen["arrivals"][0] + STEADY_AFTER_SECONDS]
    sustained = 60 * (len(steady) - 1) / (steady[-1] - steady[0])
    print(
        f"{vendor}, R = {requests_per_minute:.0f} a minute, {'learnt from headers' if learnt else 'told'}: sustained "
        f"{sustained / requests_per_minute:.3f} of R over {steady[-1] - steady[0]:.0f} s; busiest 60 s: "
        f"{seen['busiest_minute']:.0f} requests; refused: {seen['refused']} of {seen['received']}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--vendors", nargs="+", default=["openai", "anthropic"])
    parser.add_argument("--requests_per_minute", type=float, default=1_200)
    parser.add_argument("--minutes", type=float, default=1.5)
    parser.add_argument("--learnt", action="store_true")
    arguments = parser.parse_args()
    os.environ["LOOPBACK_KEY"] = "none"
    print(describe_machine(), flush=True)
    rate, calls = arguments.requests_per_minute, int(arguments.requests_per_minute * arguments.minutes)
    for vendor in arguments.vendors:
        report(vendor, rate, arguments.learnt, run(vendor, rate, calls, arguments.learnt))


if __name__ == "__main__":
    main()
