"""The prompts of a course: read once from their source, apart from the exam, and chosen for each round."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from curricula import NextPrompts
from lessons.errors import ConfigError, DataError
from lessons.records import Prompt
from lessons.report_card import ReportCard
from lessons.sources import PromptSource, unique
from lessons.tables import read_prompts, write_prompts
from tutelage.settings import JSON

__all__ = ["choose_prompts", "write_exam", "write_pool"]

Conversation = tuple[tuple[str, str], ...]


def write_exam(source: PromptSource, path: Path) -> dict[str, JSON]:
    """Read the exam from its source and write it to a file; return how many questions there are."""
    return {"questions": write_prompts(path, some(unique(source.prompts()), "exam"))}


def write_pool(source: PromptSource, exam: Path, path: Path, shared: Literal["refuse", "drop"]) -> dict[str, JSON]:
    """Read the prompts from their source and write them to a file, apart from the exam.

    Args:
        source: The prompts.
        exam: The exam's questions.
        path: Where the prompts go.
        shared: What to do with prompts that are exam questions: refuse all, or leave those out.

    Returns:
        How many prompts there are, and how many were left out.

    Raises:
        ConfigError: Prompts are exam questions, and that is refused.
    """
    questions = {conversation(prompt) for prompt in read_prompts(exam)}
    found: list[Prompt] = []
    total = 0

    def apart() -> Iterable[Prompt]:
        nonlocal total
        for prompt in unique(source.prompts()):
            total += 1
            if conversation(prompt) in questions:
                found.append(prompt)
                if shared == "refuse":
                    raise ConfigError(
                        f"The prompt {prompt.id!r} ({prompt.question[:80]!r}) is also a question of the exam; none may "
                        "be, or the exam would test memory. Give the exam questions of its own, or set "
                        "shared_questions: drop to leave such prompts out of the training."
                    )
            else:
                yield prompt

    kept = write_prompts(path, some(apart(), "prompts"))
    return {"prompts": kept, "left_out_as_exam_questions": total - kept}


def choose_prompts(
    pool: Path,
    asked: Sequence[Path],
    card: Path | None,
    chooser: NextPrompts | None,
    count: int | None,
    seed: int,
    path: Path,
) -> dict[str, JSON]:
    """Write the prompts of a round: the first ones of the pool, or those that a chooser picks from the rest.

    Args:
        pool: All prompts.
        asked: The prompts of the earlier rounds, which are not asked again.
        card: The report card to choose by; None in the first round.
        chooser: Who chooses; None in the first round.
        count: How many; None for all.
        seed: Seed of the choice.
        path: Where they go.

    Raises:
        DataError: No prompt is left.
    """
    former = {prompt.id for file in asked for prompt in read_prompts(file)}
    rest = [prompt for prompt in read_prompts(pool) if prompt.id not in former]
    if not rest:
        raise DataError(
            f"All {len(former)} prompts of the pool were asked about in the {len(asked)} earlier rounds. Give the "
            "course more prompts, fewer `rounds` or a smaller `prompts_per_round`."
        )
    if chooser is None or card is None:
        chosen = rest[:count]
    else:
        marks = ReportCard.from_json(json.loads(card.read_text(encoding="utf-8")))
        accuracy = {topic: cell.accuracy for topic, cell in marks.by_topic.items()}
        chosen = chooser.choose(rest, accuracy, count or len(rest), np.random.default_rng(seed))
    return {"prompts": write_prompts(path, chosen)}


def some(prompts: Iterable[Prompt], what: str) -> Iterable[Prompt]:
    """Pass prompts on; refuse an empty source."""
    empty = True
    for prompt in prompts:
        empty = False
        yield prompt
    if empty:
        raise DataError(
            f"The source of `{what}` yields no prompt; at least one is needed. Check its path, its `where` and its "
            "`limit`, and whether all its prompts are exam questions."
        )


def conversation(prompt: Prompt) -> Conversation:
    """Return what a prompt asks, for comparing two."""
    return tuple((message.role, " ".join(message.content.split())) for message in prompt.messages)
