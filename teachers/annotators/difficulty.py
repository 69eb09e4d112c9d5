"""Difficulty labels on a scale of ten."""

from __future__ import annotations

import re

from lessons.records import Prompt
from teachers.annotators.base import Annotator, Fields, ParseProblem
from teachers.backend import Completion

__all__ = ["DifficultyAnnotator"]

LABEL = re.compile(
    r"^[ \t]*[*_]{0,3}difficulty[*_]{0,3}[ \t]*:[ \t]*[*_]{0,3}[ \t]*(?P<label>[^\n*_]*)[*_]{0,3}[ \t]*$",
    re.IGNORECASE | re.MULTILINE,
)
WHOLE = re.compile(r"(\d{1,3})(?:\.0*)?(?:[ \t]*/[ \t]*10)?\.?")
EASIEST, HARDEST = 1, 10


class DifficultyAnnotator(Annotator):
    """Asks how hard a question is, from 1 to 10; stored as a value from 0 (easiest) to 1 (hardest).

    Args:
        temperature: Temperature of sampling; None for the provider's default.
        max_output_tokens: Upper bound on the tokens of one reply, hidden reasoning included.
        seed: Seed, for teachers that honour seeds.
        show_reference: Show the teacher the right answer (a copied template must use it).
        repairs: How often a reply that cannot be read is sent back with the reason: 0 or 1.
        template: Text file with another prompt template; copy teachers/annotators/templates/difficulty.txt.
    """

    kind = "difficulty"

    def __init__(
        self,
        temperature: float | None = 0.0,
        max_output_tokens: int = 256,
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

    def parse(self, completion: Completion, prompt: Prompt) -> Fields:
        """Read the last line "Difficulty: N"."""
        lines = list(LABEL.finditer(completion.text))
        if not lines:
            raise ParseProblem('no line "Difficulty: N"')
        label = lines[-1]["label"].strip()
        number = WHOLE.fullmatch(label)
        if number is None or not EASIEST <= int(number[1]) <= HARDEST:
            raise ParseProblem(f"the difficulty {label[:40]!r} is not a whole number from {EASIEST} to {HARDEST}")
        level = int(number[1])
        text = completion.text[: lines[-1].start()].strip()
        return Fields(text, str(level), (level - EASIEST) / (HARDEST - EASIEST))
