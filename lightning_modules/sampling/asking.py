"""Which answers an update wants: the prompts of its lessons, as the rendering put them."""

from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np
import numpy.typing as npt

from lessons.errors import ConfigError
from lightning_modules.data.micro_batches import MicroBatches
from lightning_modules.data.rendered import RenderedLessons
from lightning_modules.data.sampler import CurriculumSampler, Step
from lightning_modules.sampling.answers import Asked

__all__ = ["asked_of", "prompt_lengths", "refuse_full_prompts"]

Ints = npt.NDArray[np.int64]


def prompt_lengths(lessons: RenderedLessons) -> Ints:
    """Return how many tokens of each sequence come before its first supervised one, [sequences].

    That is what the student reads at the exam, and where a rendering gives the beginning of an answer, that as well.
    """
    supervised = np.flatnonzero(lessons.weights > 0)
    first: Ints = supervised[np.searchsorted(supervised, lessons.starts[:-1])]
    return first - lessons.starts[:-1]


def refuse_full_prompts(lessons: RenderedLessons, context: int | None) -> None:
    """Refuse lessons whose prompts fill the model's context.

    Raises:
        ConfigError: One does.
    """
    longest = prompt_lengths(lessons)
    worst = int(longest.argmax())
    if context is None or longest[worst] < context:
        return
    lesson = int(np.searchsorted(lessons.first_sequence, worst, side="right")) - 1
    raise ConfigError(
        f"The prompt of lesson {lessons.ids[lesson]!r} has {longest[worst]} tokens, and the student's context has "
        f"{context}: there is no room to write an answer. Allowed are prompts shorter than the context. Lower "
        "data.max_tokens so that such lessons are left out, or choose a student with a longer context."
    )


def asked_of(batches: MicroBatches, update: int, samples: int) -> list[Asked]:
    """Return the answers that this process wants at an update.

    Args:
        batches: The micro-batches.
        update: The update.
        samples: Answers to every prompt.
    """
    pieces = batches.sampler.pieces(update)
    places = places_of(batches.sampler, pieces[0].step)
    found: list[Asked] = []
    for piece in pieces:
        for lesson, factor in zip(piece.lessons.tolist(), piece.factors.tolist(), strict=True):
            place = places[lesson].pop(0)
            for number in batches.lessons.sequence_numbers(np.array([lesson])).tolist():
                tokens, weights, part = batches.lessons.sequence(number)
                prompt = tokens[: int(np.argmax(weights > 0))]
                found += [
                    Asked(number, place * samples + k, place, prompt, lesson, batches.lessons.ids[lesson], part, factor)
                    for k in range(samples)
                ]
    return found


def places_of(sampler: CurriculumSampler, step: Step) -> dict[int, list[int]]:
    """Return, for each lesson of this rank, how often it comes earlier in the whole step, once for each time it comes.

    A lesson may come more than once in a step, also on several ranks: its answers must differ.
    """
    seen: Counter[int] = Counter()
    places: defaultdict[int, list[int]] = defaultdict(list)
    for position, lesson in enumerate(step.lessons.tolist()):
        if position % sampler.world_size == sampler.rank:
            places[lesson].append(seen[lesson])
        seen[lesson] += 1
    return places
