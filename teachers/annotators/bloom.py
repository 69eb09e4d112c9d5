"""Levels of Bloom's taxonomy: what a question asks of the mind."""

from __future__ import annotations

from lessons.records import Prompt
from teachers.annotators.asking import Fields
from teachers.annotators.base import Annotator
from teachers.annotators.labels import number_label
from teachers.exchange import Completion

__all__ = ["BLOOM_LEVELS", "BloomAnnotator"]

BLOOM_LEVELS = ("remember", "understand", "apply", "analyse", "evaluate", "create")


class BloomAnnotator(Annotator):
    """Asks on which level of Bloom's taxonomy a question is, from 1 (remember) to 6 (create).

    The levels are those of the revised taxonomy (Anderson and Krathwohl 2001); CORGI orders courses by them (Lee et al.
    2023, arXiv:2310.09518). Stored as a value from 0 (level 1) to 1 (level 6); the answer is the level's name, and
    `data` has the `level` and its `name`.

    Args:
        temperature: Temperature of sampling; None for the provider's default.
        max_output_tokens: Upper bound on the tokens of one reply, hidden reasoning included.
        seed: Seed, for teachers that honour seeds.
        show_reference: Show the teacher the right answer (marked as such).
        repairs: How often a reply that cannot be read is sent back with the reason: 0 or 1.
        template: Text file with another prompt template; copy teachers/annotators/templates/bloom.txt.
    """

    kind = "bloom"

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
        """Read the last line "Level: N"."""
        text, level = number_label(completion.text, "Level", 1, len(BLOOM_LEVELS))
        name = BLOOM_LEVELS[level - 1]
        return Fields(text, name, (level - 1) / (len(BLOOM_LEVELS) - 1), {"level": level, "name": name})
