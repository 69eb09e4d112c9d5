"""Difficulty labels on a scale of ten."""

from __future__ import annotations

from lessons.errors import ConfigError
from lessons.grading import Grader
from lessons.records import Annotation, Prompt
from teachers.annotators.asking import Asking, Fields
from teachers.annotators.base import Annotator
from teachers.annotators.labels import number_label
from teachers.annotators.votes import mean_vote
from teachers.exchange import Completion, Request

__all__ = ["DifficultyAnnotator"]

EASIEST, HARDEST = 1, 10


class DifficultyAnnotator(Annotator):
    """Asks how hard a question is, from 1 to 10; stored as a value from 0 (easiest) to 1 (hardest).

    With several votes the value is their mean, and `data` has the `votes` (from 0 to 1) and their `agreement` (1 less
    the mean distance of two votes: 1 when all say the same).

    Args:
        votes: How many independent labels are drawn for each prompt; more than one need a temperature above 0.
        temperature: Temperature of sampling; None for the provider's default.
        max_output_tokens: Upper bound on the tokens of one reply, hidden reasoning included.
        seed: Seed of the first vote, for teachers that honour seeds; vote k uses seed + k.
        show_reference: Show the teacher the right answer (marked as such).
        repairs: How often a reply that cannot be read is sent back with the reason: 0 or 1.
        template: Text file with another prompt template; copy teachers/annotators/templates/difficulty.txt.
    """

    kind = "difficulty"

    def __init__(
        self,
        votes: int = 1,
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
        self.votes = votes

    def check(self, grader: Grader | None) -> None:
        """Refuse settings that cannot work.

        Raises:
            ConfigError: No votes, or votes that would all be the same.
        """
        super().check(grader)
        if self.votes < 1 or (self.votes > 1 and self.temperature == 0):
            raise ConfigError(
                f"votes of DifficultyAnnotator is {self.votes} with temperature {self.temperature}. It must be at "
                "least 1, and more votes need a temperature above 0 (0.7 is usual), or all would be one and the same. "
                "Correct one of them."
            )

    def parse(self, completion: Completion, prompt: Prompt) -> Fields:
        """Read the last line "Difficulty: N"."""
        text, level = number_label(completion.text, "Difficulty", EASIEST, HARDEST)
        return Fields(text, str(level), (level - EASIEST) / (HARDEST - EASIEST))

    def vote_requests(self, prompt: Prompt) -> list[Request]:
        """Make the requests of all votes."""
        return [self.request(prompt, self.build(prompt), sample) for sample in range(self.votes)]

    def foresee(self, prompt: Prompt) -> tuple[list[Request], int]:
        """Foresee one request for each vote."""
        return self.vote_requests(prompt), self.votes * (1 + self.repairs)

    async def annotate(self, asking: Asking) -> list[Annotation]:
        """Ask for all votes at once."""
        votes = await self.asked_samples(asking, self.vote_requests(asking.prompt))
        return votes if self.votes == 1 else [mean_vote(votes)]
