"""Solutions as lists of steps."""

from __future__ import annotations

from lessons.answers import split_answer
from lessons.records import Prompt
from teachers.annotators.base import Annotator, Fields, ParseProblem
from teachers.annotators.numbered import numbered, numbered_list
from teachers.exchange import Completion

__all__ = ["StepsAnnotator"]


class StepsAnnotator(Annotator):
    """Asks for a solution as a numbered list of steps with a last line "Answer: ...".

    The annotation's `data` has the `steps`; its text is the list, numbered 1., 2., 3.; its answer is graded.

    Args:
        verify: Grade the answers, when the run has a grader.
        temperature: Temperature of sampling; None for the provider's default.
        max_output_tokens: Upper bound on the tokens of one reply, hidden reasoning included.
        seed: Seed, for teachers that honour seeds.
        show_reference: Tell the teacher the right answer and ask for the way to it (marked as such).
        repairs: How often a reply that cannot be read is sent back with the reason: 0 or 1.
        template: Text file with another prompt template; copy teachers/annotators/templates/steps.txt.
    """

    kind = "steps"

    def __init__(
        self,
        verify: bool = True,
        temperature: float | None = 0.0,
        max_output_tokens: int = 1024,
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
            verify=verify,
            template=template,
        )

    def parse(self, completion: Completion, prompt: Prompt) -> Fields:
        """Read the numbered list and the last line "Answer: ..."."""
        before, answer = split_answer(completion.text)
        if not answer:
            raise ParseProblem('no line "Answer: ..."')
        steps = numbered_list(before)
        return Fields(numbered(steps), answer, data={"steps": steps})
