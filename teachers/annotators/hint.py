"""Hints that do not give the answer away."""

from __future__ import annotations

from lessons.errors import ConfigError
from lessons.grading import Grader
from lessons.records import Annotation, Message, Prompt
from teachers.annotators.asking import Asking, Fields
from teachers.annotators.base import Annotator
from teachers.annotators.secrecy import kept_secret
from teachers.annotators.sections import sections
from teachers.exchange import Completion

__all__ = ["HintAnnotator"]


class HintAnnotator(Annotator):
    """Asks for one hint, or for several from the faintest to the strongest, that do not give the answer away.

    The annotation's `data` has the `hints` in that order; its text is the hints, one a line. Hints of which one states
    the reference answer are kept, marked and not trusted.

    Args:
        hints: How many hints are wanted for each prompt.
        temperature: Temperature of sampling; None for the provider's default.
        max_output_tokens: Upper bound on the tokens of one reply, hidden reasoning included.
        seed: Seed, for teachers that honour seeds.
        show_reference: Show the teacher the right answer, to be used and not stated (marked as such).
        repairs: How often a reply that cannot be read is sent back with the reason: 0 or 1.
        template: Text file with another prompt template; copy teachers/annotators/templates/hint.txt.
    """

    kind = "hint"

    def __init__(
        self,
        hints: int = 1,
        temperature: float | None = 0.0,
        max_output_tokens: int = 384,
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
        self.hints = hints

    def check(self, grader: Grader | None) -> None:
        """Refuse settings that cannot work.

        Raises:
            ConfigError: The number of hints makes no sense.
        """
        super().check(grader)
        if not 1 <= self.hints <= 9:
            raise ConfigError(
                f"hints is {self.hints}; it must be from 1 to 9. One is usual, three make a ladder. Correct it."
            )

    def build(self, prompt: Prompt, **more: object) -> tuple[Message, ...]:
        """Return the messages, which say how many hints are wanted."""
        return super().build(prompt, hints=self.hints, **more)

    def parse(self, completion: Completion, prompt: Prompt) -> Fields:
        """Read "Hint 1: ...", "Hint 2: ..." and so on."""
        hints = sections(completion.text, *(f"Hint {number}" for number in range(1, self.hints + 1)))
        return Fields("\n".join(hints), data={"hints": hints})

    async def annotate(self, asking: Asking) -> list[Annotation]:
        """Ask once and check that the answer is not given away."""
        (found,) = await super().annotate(asking)
        return [kept_secret(found, asking.prompt)]
