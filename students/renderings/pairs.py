"""Two texts about one prompt side by side, the better and the worse: the pair view."""

from __future__ import annotations

from itertools import takewhile
from typing import Literal

from lessons.pairings import Candidate, Pair, Pairing
from lessons.records import Lesson, Message, Prompt
from students.renderings.base import Exercise, Rendering

__all__ = ["CHOSEN", "REJECTED", "Pairs", "shared_lines"]

CHOSEN, REJECTED = "chosen", "rejected"
"""The parts of the loss that the better and the worse texts count in."""


class Pairs(Rendering):
    """Shows pairs of a better and a worse text, for losses on preferences (`lightning_modules.PreferenceModule`).

    A lesson is a prompt with all its pairs, each as two sequences, first the chosen one; it stays whole in one
    micro-batch. Prompts without a pair are left out and counted. Plan and train without `target`: a lesson a prompt.

    In the weighted loss of `lightning_modules.SupervisedModule` rejected texts have the weight 0, so that there it
    trains on the chosen ones alone.

    Args:
        pairing: Which texts are set against each other.
        shared: What happens to the lines with which both texts of a pair begin: "learnt" treats them like the others,
            "given" lets the student read them only. For `step` they are always given.
        step: Compare only the first line in which the texts differ, after the lines that they share: Step-DPO (Lai et
            al. 2024, arXiv:2406.18629; that a step is a line is our reading). Where a text goes on after it, the
            student is not taught to stop there.
        rendering: How the question is put, by its form at the exam; None: as it is.
    """

    def __init__(
        self,
        pairing: Pairing,
        shared: Literal["learnt", "given"] = "learnt",
        step: bool = False,
        rendering: Rendering | None = None,
    ) -> None:
        self.pairing = pairing
        self.shared = shared
        self.step = step
        self.rendering = rendering

    @property
    def parts(self) -> dict[str, float]:
        """The two sides."""
        return {CHOSEN: 1.0, REJECTED: 0.0}

    def left_out(self, lesson: Lesson) -> str | None:
        """Return why a lesson teaches nothing: it has no pair."""
        return None if self.pairing.pairs(lesson) else f"they have no pair for {type(self.pairing).__name__}"

    def exercises(self, lesson: Lesson) -> list[Exercise]:
        """Return the question with the texts of its pairs: chosen, rejected, chosen, rejected ..."""
        asked = self.exam_messages(lesson.prompt)
        return [exercise for pair in self.pairing.pairs(lesson) for exercise in self.sides(pair, asked)]

    def sides(self, pair: Pair, asked: tuple[Message, ...]) -> list[Exercise]:
        """Return both texts of a pair."""
        given = shared_lines(pair.chosen.text, pair.rejected.text) if self.step or self.shared == "given" else ""
        return [
            self.side(text, part, given, asked) for text, part in ((pair.chosen, CHOSEN), (pair.rejected, REJECTED))
        ]

    def side(self, text: Candidate, part: str, given: str, asked: tuple[Message, ...]) -> Exercise:
        """Return one text of a pair."""
        whole = text.text.strip()
        shown = through_next_line(whole, given) if self.step else whole
        return Exercise(asked, shown, part, given, reward=text.score, finished=shown == whole)

    def exam_messages(self, prompt: Prompt) -> tuple[Message, ...]:
        """Return the question as it is put."""
        return prompt.messages if self.rendering is None else self.rendering.exam_messages(prompt)


def shared_lines(one: str, other: str) -> str:
    """Return the whole lines with which both texts begin; at least one line of each stays outside.

    >>> shared_lines("Add them.\\n3+4=7", "Add them.\\n3+4=8")
    'Add them.'
    """
    lines = [text.strip().split("\n") for text in (one, other)]
    together = list(zip(lines[0][:-1], lines[1][:-1], strict=False))
    return "\n".join(mine for mine, _ in takewhile(lambda pair: pair[0] == pair[1], together))


def through_next_line(text: str, given: str) -> str:
    """Return a text up to the end of the first line after what is given that says something.

    >>> through_next_line("a\\n\\nb\\nc", "a")
    'a\\n\\nb'
    """
    lines = text[len(given) :].split("\n")
    said = next((k for k, line in enumerate(lines) if line.strip()), len(lines) - 1)
    return given + "\n".join(lines[: said + 1])
