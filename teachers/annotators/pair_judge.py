"""Preferences between two answers, asked in both orders so that a judge's liking for a place does not count."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from lessons.grading import Grader
from lessons.records import Annotation, Prompt
from teachers.annotators.base import Annotator, Asking, Fields, together
from teachers.annotators.labels import choice_label
from teachers.annotators.repair import largest_repair, sum_known
from teachers.annotators.subjects import TYPICAL_TEXT, Subject, attempt_subjects, earlier_subjects
from teachers.exchange import Completion, Request

__all__ = ["PairJudgeAnnotator", "PositionBias", "position_bias"]

ORDERS = 2
WINNERS = ({"A": "first", "B": "second", "tie": "tie"}, {"A": "second", "B": "first", "tie": "tie"})
"""By order: which of the two texts a label means."""
VALUES = {"first": 1.0, "tie": 0.5, "second": 0.0}


class PairJudgeAnnotator(Annotator):
    """Asks which of two answers is better, once in each order; only a verdict that both orders give counts.

    After Zheng et al. 2023 (arXiv:2306.05685): a judge that prefers a place gives a tie. The annotation's `answer` is
    "first", "second" or "tie", its `value` 1, 0 or 0.5, its `text` the reasons of both orders. Its data:
    "orders" (the verdict of each order, first text shown first, then second), "consistent" (whether they agree),
    "texts" (both texts) and "subjects" (for each: kind, sample, author, and whether it was graded correct).
    `position_bias` sums a run up. Prompts with fewer than two different texts are left out.

    Args:
        first: The kind of an earlier annotation of the same run, or a Parquet file of attempts ("....parquet").
        second: As `first`. The same kind twice compares the first two different texts of that kind.
        temperature: Temperature of sampling; None for the provider's default.
        max_output_tokens: Upper bound on the tokens of one reply, hidden reasoning included.
        seed: Seed, for teachers that honour seeds.
        show_reference: Show the teacher the right answer (marked as such).
        repairs: How often a reply that cannot be read is sent back with the reason: 0 or 1.
        template: Text file with another prompt template; copy teachers/annotators/templates/preference.txt.
    """

    kind = "preference"

    def __init__(
        self,
        first: str = "rationale",
        second: str = "rationale",
        temperature: float | None = 0.0,
        max_output_tokens: int = 512,
        seed: int | None = None,
        show_reference: bool = False,
        repairs: int = 1,
        template: str | None = None,
    ) -> None:
        super().__init__(
            temperature=temperature,
            max_output_tokens=max_output_tokens,
            seed=seed,
            show_reference=show_reference,
            repairs=repairs,
            template=template,
        )
        self.first = first
        self.second = second

    @cached_property
    def attempts_of(self) -> dict[str, dict[str, list[Subject]]]:
        """By file, then by prompt id: the attempts."""
        return {path: attempt_subjects(path) for path in (self.first, self.second) if is_file(path)}

    def lacking(self, earlier: Collection[str]) -> list[str]:
        """Return the kinds of the texts that no file holds and nobody writes."""
        sides = dict.fromkeys((self.first, self.second))
        return [side for side in sides if not is_file(side) and side not in earlier]

    def check(self, grader: Grader | None) -> None:
        """Read the template and the attempts."""
        super().check(grader)
        _ = self.attempts_of

    def parse(self, completion: Completion, prompt: Prompt) -> Fields:
        """Read the last line "Better: A", "Better: B" or "Better: tie"."""
        reasons, label = choice_label(completion.text, "Better", ("A", "B", "tie"))
        return Fields(reasons, label)

    def texts(self, side: str, prompt: Prompt, earlier: Iterable[Annotation]) -> list[Subject]:
        """Return the texts of one side."""
        if side in self.attempts_of:
            return self.attempts_of[side].get(prompt.id, [])
        return earlier_subjects(earlier, side)

    def pair(self, prompt: Prompt, earlier: Iterable[Annotation]) -> tuple[Subject, Subject] | None:
        """Return the two texts to compare: the first of one side, and of the other the first that differs from it."""
        one = next(iter(self.texts(self.first, prompt, earlier)), None)
        if one is None:
            return None
        other = next((text for text in self.texts(self.second, prompt, earlier) if text.text != one.text), None)
        return None if other is None else (one, other)

    def requests(self, prompt: Prompt, first: str, second: str) -> list[Request]:
        """Make the requests of both orders."""
        return [
            self.request(prompt, self.build(prompt, first=a, second=b), 0)
            for a, b in ((first, second), (second, first))
        ]

    def foresee(self, prompt: Prompt) -> tuple[list[Request], int]:
        """Foresee both orders where both texts are known from files."""
        if not (is_file(self.first) and is_file(self.second)):
            return [], ORDERS * (1 + self.repairs)
        pair = self.pair(prompt, ())
        sure = [] if pair is None else self.requests(prompt, pair[0].text, pair[1].text)
        return sure, len(sure) * (1 + self.repairs)

    def example(self, prompt: Prompt) -> Request | None:
        """Return a request about texts of typical length where they are not known yet."""
        if is_file(self.first) and is_file(self.second):
            return super().example(prompt)
        request = self.requests(prompt, TYPICAL_TEXT, TYPICAL_TEXT)[0]
        return largest_repair(request) if self.repairs else request

    async def annotate(self, asking: Asking) -> list[Annotation]:
        """Ask in both orders at once and join the verdicts."""
        pair = self.pair(asking.prompt, asking.earlier)
        if pair is None:
            return []
        requests = self.requests(asking.prompt, pair[0].text, pair[1].text)
        found = await together([self.asked(asking, request) for request in requests])
        return [joined(found, pair)]


def is_file(side: str) -> bool:
    """Whether a side names a file, not a kind."""
    return side.endswith(".parquet")


def joined(found: list[Annotation], pair: tuple[Subject, Subject]) -> Annotation:
    """Join the annotations of both orders into one."""
    problems = [f"order {k + 1}: {one.problem}" for k, one in enumerate(found) if one.problem is not None]
    data: dict[str, Any] = {"texts": [side.text for side in pair], "subjects": [side.origin() for side in pair]}
    verdict = None
    if not problems:
        orders = [winner[str(one.answer)] for winner, one in zip(WINNERS, found, strict=True)]
        consistent = orders[0] == orders[1]
        verdict = orders[0] if consistent else "tie"
        data |= {"orders": orders, "consistent": consistent}
    return replace(
        found[0],
        text="\n\n".join(one.text for one in found),
        answer=verdict,
        value=None if verdict is None else VALUES[verdict],
        data=data,
        problem="; ".join(problems) or None,
        provenance=sum_known(found[0].provenance, found[1].provenance),
    )


@dataclass(frozen=True, slots=True)
class PositionBias:
    """How much a judge's verdicts depend on the order in which it sees two texts."""

    pairs: int
    """Pairs judged in both orders."""
    consistent: int
    """Pairs with the same verdict in both."""
    shown_first_won: int
    """Verdicts, of two a pair, for the text shown first; ties aside."""
    shown_second_won: int
    """Verdicts for the text shown second; without bias as many as `shown_first_won`."""


def position_bias(preferences: Iterable[Annotation]) -> PositionBias:
    """Count how often a judge's verdict follows the text and how often the place."""
    pairs = consistent = first = second = 0
    for annotation in preferences:
        orders = annotation.data.get("orders")
        if orders is None:
            continue
        pairs += 1
        consistent += bool(annotation.data["consistent"])
        first += (orders[0] == "first") + (orders[1] == "second")
        second += (orders[0] == "second") + (orders[1] == "first")
    return PositionBias(pairs, consistent, first, second)
