"""Which prompts the next round asks about, given how the student did at the exam."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from lessons.errors import ConfigError, DataError
from lessons.records import Prompt

__all__ = ["NextPrompts", "RandomPrompts", "WeakTopics", "fill_quotas"]


class NextPrompts(ABC):
    """Chooses the prompts of the next round."""

    @abstractmethod
    def choose(
        self, pool: Sequence[Prompt], accuracy: Mapping[str, float], count: int, generator: np.random.Generator
    ) -> list[Prompt]:
        """Choose `count` different prompts of the pool, or the whole pool if it is smaller, in the pool's order.

        Args:
            pool: The prompts to choose from.
            accuracy: The exam's share of right answers by topic, in [0, 1]; topics may be absent.
            count: How many are wanted, at least 1.
            generator: Source of all randomness.

        Raises:
            DataError: The pool is empty.
        """


class RandomPrompts(NextPrompts):
    """Random prompts: the control of every choice by the exam."""

    def choose(
        self, pool: Sequence[Prompt], accuracy: Mapping[str, float], count: int, generator: np.random.Generator
    ) -> list[Prompt]:
        """Choose at random; the exam plays no part."""
        wanted = checked_count(pool, count)
        return [pool[k] for k in np.sort(generator.permutation(len(pool))[:wanted])]


class WeakTopics(NextPrompts):
    """More prompts of the topics in which the student failed more often, random inside a topic.

    A topic's share is proportional to its share of wrong answers, but never below `floor`; a topic with too few prompts
    gives what it has and the others share the rest. Prompts without a topic form a topic of their own.

    Args:
        floor: Least weight of a topic, in (0, 1], so that nothing mastered is dropped for good.
        unknown_accuracy: Accuracy assumed for topics that the exam did not hold, in [0, 1].
    """

    def __init__(self, floor: float = 0.05, unknown_accuracy: float = 0.5) -> None:
        self.floor = floor
        self.unknown_accuracy = unknown_accuracy

    def choose(
        self, pool: Sequence[Prompt], accuracy: Mapping[str, float], count: int, generator: np.random.Generator
    ) -> list[Prompt]:
        """Share the places out among the topics, then draw inside each."""
        wanted = checked_count(pool, count)
        members: dict[str, list[int]] = {}
        for position, prompt in enumerate(pool):
            members.setdefault(prompt.topic or "", []).append(position)
        topics = sorted(members)
        weights = [self.weight(accuracy.get(topic, self.unknown_accuracy), topic) for topic in topics]
        quotas = fill_quotas(np.array(weights), np.array([len(members[topic]) for topic in topics]), wanted)
        chosen = [
            position
            for topic, quota in zip(topics, quotas, strict=True)
            for position in generator.permutation(members[topic])[:quota]
        ]
        return [pool[position] for position in sorted(chosen)]

    def weight(self, accuracy: float, topic: str) -> float:
        """Return a topic's weight."""
        if not (0 < self.floor <= 1 and 0 <= accuracy <= 1):
            raise ConfigError(
                f"WeakTopics got the floor {self.floor} and the accuracy {accuracy} for the topic {topic!r}; allowed "
                "are floors above 0 up to 1 and accuracies from 0 to 1. Correct the setting, or examine again."
            )
        return max(1 - accuracy, self.floor)


def checked_count(pool: Sequence[Prompt], count: int) -> int:
    """Return how many prompts to choose."""
    if not pool:
        raise DataError(
            "There are no prompts to choose from: the pool holds 0, and at least 1 is needed. "
            "Give it more prompts, or end the course."
        )
    if count < 1:
        raise ConfigError(f"count={count}: at least 1 prompt must be wanted. Correct the number of prompts per round.")
    return min(count, len(pool))


def fill_quotas(
    weights: npt.NDArray[np.float64], available: npt.NDArray[np.int64], total: int
) -> npt.NDArray[np.int64]:
    """Share out `total` places in proportion to positive weights, none above what is available (water-filling).

    What a full group cannot take goes to the others in proportion; the last whole places go by largest remainder.

    >>> fill_quotas(np.array([3.0, 1.0, 1.0]), np.array([2, 10, 10]), 8).tolist()
    [2, 3, 3]
    """
    shares = np.zeros(len(weights))
    open_groups = np.ones(len(weights), bool)
    while open_groups.any():
        left = total - available[~open_groups].sum()
        shares = np.where(open_groups, left * weights / weights[open_groups].sum(), available)
        over = open_groups & (shares > available)
        if not over.any():
            break
        open_groups &= ~over
    quotas = np.minimum(np.floor(shares).astype(np.int64), available)
    remainder = np.where(quotas < available, shares - quotas, -1.0)
    short = min(total, int(available.sum())) - int(quotas.sum())
    quotas[np.argsort(-remainder, kind="stable")[:short]] += 1
    return quotas
