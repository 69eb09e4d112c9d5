"""Distil sums into a folder, live or in batches: a program for tests that kill it and run it again."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from lessons.graders import NumberGrader
from lessons.records import Message, Prompt
from teachers import AnthropicBackend, DifficultyAnnotator, Limits, OpenAIBackend, RationaleAnnotator, distill
from teachers.batches.batching import Batches

IMPORTS = ("anthropic", "openai", "openai.resources", "httpcore2", "lessons.tables", "pandas", "teachers.hosted")
"""What takes its time to import: most of it is imported at first use only."""


def run(folder: str, vendor: str, url: str, prompts: int, in_flight: int, batches: dict[str, Any] | None) -> None:
    make = OpenAIBackend if vendor == "openai" else AnthropicBackend
    pairs = [(100 + k, 7 * k % 1_000) for k in range(prompts)]
    distill(
        [Prompt(f"p{a}", (Message("user", f"{a}+{b}=?"),), reference=str(a + b)) for a, b in pairs],
        make("model", url, "TEST_KEY", 1.0, 2.0),
        [RationaleAnnotator(), DifficultyAnnotator()],
        NumberGrader(),
        Path(folder) / "ledger.sqlite",
        Path(folder) / "lessons.parquet",
        Limits(in_flight=in_flight, first_wait_seconds=0.01),
        progress=False,
        batches=None if batches is None else Batches(**batches),
    )


if __name__ == "__main__":
    run(**json.loads(sys.argv[1]))
