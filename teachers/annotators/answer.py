"""Bare answers: what a teacher says without writing any reasoning."""

from __future__ import annotations

from lessons.answers import split_answer
from lessons.records import Prompt
from teachers.annotators.base import Annotator, Fields, ParseProblem
from teachers.exchange import Completion

__all__ = ["AnswerAnnotator"]

SHOWN = 40


class AnswerAnnotator(Annotator):
    """Asks for the final answer alone, on a line "Answer: ..."; text and answer of the annotation are both the answer.

    Args:
        verify: Grade the answers, when the run has a grader.
        temperature: Temperature of sampling; None for the provider's default.
        max_output_tokens: Upper bound on the tokens of one reply, hidden reasoning included.
        seed: Seed, for teachers that honour seeds.
        show_reference: Tell the teacher the right answer, to have it written in the form that was asked for.
        repairs: How often a reply that cannot be read is sent back with the reason: 0 or 1.
        template: Text file with another prompt template; copy teachers/annotators/templates/answer.txt.
    """

    kind = "answer"

    def __init__(
        self,
        verify: bool = True,
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
            verify=verify,
            template=template,
        )

    def parse(self, completion: Completion, prompt: Prompt) -> Fields:
        """Read the one line "Answer: ...": there is nothing before it."""
        before, answer = split_answer(completion.text)
        if not answer:
            raise ParseProblem('no line "Answer: ..."')
        if before:
            raise ParseProblem(f'there is text before the line "Answer: ...": {before[:SHOWN]!r}')
        return Fields(answer, answer)
