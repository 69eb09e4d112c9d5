"""`tutelage logits`: what a teacher finds probable at every token to be learnt, stored for training."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from lessons.errors import ConfigError
from students.logit_store import Capture
from students.ranks import Ranks
from students.renderings import Rendering
from students.student import Student
from tutelage.progress import say

__all__ = ["logits"]


def logits(
    out: str,
    teacher: Student,
    prompts: str,
    rendering: Rendering,
    student: Student | None = None,
    annotations: str | None = None,
    target: str | None = None,
    targets_per_prompt: int = 1,
    trusted_only: bool = True,
    max_tokens: int | None = None,
    over_long: Literal["drop", "refuse"] = "drop",
    capture: Capture | None = None,
    rank: int | None = None,
    world_size: int | None = None,
) -> None:
    """Store a teacher's most probable tokens at every supervised position; train with teacher: students.LogitStore.

    Finished shards are kept: a run that was killed goes on with the first one that is missing. Under torchrun, or with
    `rank` and `world_size`, each process writes its share of the shards.

    Args:
        out: Folder to write to.
        teacher: The model that is asked. It needs the student's vocabulary.
        prompts: The round's prompts.parquet.
        rendering: How a lesson becomes training sequences; must be the training's.
        student: Whose tokenizer and chat template render the lessons; its weights are not loaded. None: the teacher's.
        annotations: The round's lessons.parquet; None for bare prompts.
        target: The kind of annotation that makes a lesson ("rationale", "critique"); None for one lesson a prompt.
        targets_per_prompt: At most this many lessons a prompt.
        trusted_only: Leave out annotations that could not be read or were graded wrong.
        max_tokens: Longest training sequence, prompt and answer together; None for no limit.
        over_long: What happens to longer lessons: "drop" leaves them out and counts them, "refuse" stops.
        capture: How much is stored, and in which format; None for the top 64 in float16.
        rank: Number of this process, from 0, where no launcher says it.
        world_size: How many processes share the work.
    """
    from lessons.lesson_set import LessonSet
    from students.logit_store import capture as write
    from students.renderings import render_all
    from teachers import Progress
    from tutelage.processes import alone_in

    ranks, reader, folder = ranks_of(rank, world_size), student or teacher, Path(out)
    found = LessonSet.read(prompts, annotations, target, targets_per_prompt, trusted_only)
    rendered = render_all(rendering, found, reader.encoder, max_tokens, over_long)
    if rendered.dropped:
        say(f"{len(rendered.dropped)} of {len(found)} lessons are longer than {max_tokens} tokens and are left out.")
    examples = [example for sequences in rendered.examples.values() for example in sequences]
    share = -(-len(examples) // ranks.world_size)
    with alone_in(folder / f".rank-{ranks.rank}"), Progress("logits", share, "sequences") as bar:
        made = write(teacher, reader, examples, text_of(rendering), folder, capture, ranks, bar.at)
    stamp = made.stamp
    size = stamp.record.itemsize
    if not made.written:
        say(f"{folder} holds all of this process's shards already.")
    print(
        f"{stamp.positions:,} positions of {stamp.sequences:,} sequences: the top {stamp.tokens_kept} of "
        f"{stamp.vocabulary_size:,} tokens, {size} bytes a position, {stamp.positions * size / 1e6:,.1f} MB"
    )
    if made.missing:
        print(f"{made.missing} of {stamp.shards} shards are left to the other processes")


def ranks_of(rank: int | None, world_size: int | None) -> Ranks:
    """Return this process's place among those that share the work.

    Raises:
        ConfigError: Only one of the two is given, or they do not fit.
    """
    if rank is None and world_size is None:
        return Ranks.here()
    if rank is None or world_size is None or not 0 <= rank < world_size:
        raise ConfigError(
            f"Got rank {rank} of world_size {world_size}. Allowed are both or none, with a rank from 0 to "
            "world_size - 1. Correct them, or start the processes with torchrun and leave both out."
        )
    return Ranks(rank, world_size)


def text_of(rendering: Rendering) -> str:
    """Write a rendering down for the stamp."""
    import json

    from tutelage.settings import settings_of

    return json.dumps(settings_of(rendering), ensure_ascii=False, sort_keys=True)
