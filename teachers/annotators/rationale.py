"""Rationales with answers, asked again with fresh samples until enough of them are right."""

from __future__ import annotations

from dataclasses import replace

from lessons.answers import split_answer
from lessons.errors import ConfigError
from lessons.grading import Grader
from lessons.records import Annotation, Prompt
from teachers.annotators.base import Annotator, Asking, Fields, ParseProblem, together
from teachers.backend import Completion, Request

__all__ = ["RationaleAnnotator"]


class RationaleAnnotator(Annotator):
    """Asks for a step-by-step solution that ends with a line "Answer: ...".

    Rejection sampling: an answer that the grader marks wrong is kept, marked and not trusted, and the teacher is asked
    again with a fresh sample. A completion that was cut off or refused ends the asking for that prompt: the same
    question would be cut off or refused again.

    Args:
        samples: How many right rationales are wanted for each prompt.
        max_asks: How many samples may be asked for in total for each prompt.
        verify: Grade the answers, when the run has a grader.
        temperature: Temperature of the first sample; None for the provider's default.
        fresh_temperature: Temperature of all further samples, which must differ from the first.
        top_p: Share of the probability mass to draw from.
        max_output_tokens: Upper bound on the tokens of one rationale, hidden reasoning included.
        seed: Seed of the first sample, for teachers that honour seeds; sample k uses seed + k.
        show_reference: Tell the teacher the right answer and ask for the way to it (marked as such).
        repairs: How often a reply that cannot be read is sent back with the reason: 0 or 1. A fresh sample, which is
            asked for anyway, is as good where the teacher usually keeps to the form.
        template: Text file with another prompt template; copy teachers/annotators/templates/rationale.txt.
    """

    kind = "rationale"

    def __init__(
        self,
        samples: int = 1,
        max_asks: int = 4,
        verify: bool = True,
        temperature: float | None = 0.0,
        fresh_temperature: float | None = 0.8,
        top_p: float = 1.0,
        max_output_tokens: int = 1024,
        seed: int | None = None,
        show_reference: bool = False,
        repairs: int = 0,
        template: str | None = None,
    ) -> None:
        super().__init__(
            temperature=temperature,
            top_p=top_p,
            max_output_tokens=max_output_tokens,
            seed=seed,
            show_reference=show_reference,
            repairs=repairs,
            template=template,
        )
        self.samples = samples
        self.max_asks = max_asks
        self.verify = verify
        self.fresh_temperature = fresh_temperature

    def check(self, grader: Grader | None) -> None:
        """Refuse settings that cannot work.

        Raises:
            ConfigError: The numbers contradict each other.
        """
        super().check(grader)
        if not 1 <= self.samples <= self.max_asks:
            raise ConfigError(
                f"samples must be between 1 and max_asks, got samples={self.samples} and max_asks={self.max_asks}. "
                "max_asks counts all samples of a prompt, the first ones included; raise it or lower samples."
            )
        if self.max_asks > 1 and self.fresh_temperature == 0:
            raise ConfigError(
                f"fresh_temperature is 0 with max_asks={self.max_asks}: asking again would pay for the same text. "
                "Set fresh_temperature above 0 (0.8 is usual), or max_asks to 1."
            )

    def parse(self, completion: Completion, prompt: Prompt) -> Fields:
        """Split the rationale from the line "Answer: ..."."""
        rationale, answer = split_answer(completion.text)
        if answer is None:
            raise ParseProblem('no line starts with "Answer:"')
        if not answer:
            raise ParseProblem('nothing follows "Answer:"')
        return Fields(rationale, answer)

    def sample_request(self, prompt: Prompt, sample: int) -> Request:
        """Make the request for the k-th sample."""
        sampling = self.sampling if sample == 0 else replace(self.sampling, temperature=self.fresh_temperature)
        return self.request(prompt, self.build(prompt), sample, sampling)

    def foresee(self, prompt: Prompt) -> tuple[list[Request], int]:
        """Foresee `samples` requests, and at most `max_asks` with their repairs."""
        sure = [self.sample_request(prompt, sample) for sample in range(self.samples)]
        return sure, self.max_asks * (1 + self.repairs)

    async def annotate(self, asking: Asking) -> list[Annotation]:
        """Ask until `samples` rationales are right, `max_asks` is reached, or one is cut off or refused."""
        grader = asking.grader if self.verify else None
        if grader is not None and asking.prompt.reference is None:
            grader.grade("", asking.prompt)  # most graders refuse it: better before it is paid for
        found: list[Annotation] = []
        missing = self.samples
        while missing and len(found) < self.max_asks:
            wave = range(len(found), min(len(found) + missing, self.max_asks))
            replies = await together([self.one(asking, sample, grader) for sample in wave])
            found += replies
            if any(a.provenance.finish_reason != "stop" for a in replies):
                break
            missing -= sum(a.trusted for a in replies)
        return found

    async def one(self, asking: Asking, sample: int, grader: Grader | None) -> Annotation:
        """Ask for one sample and grade it."""
        annotation = await self.asked(asking, self.sample_request(asking.prompt, sample))
        if grader is None or annotation.answer is None:
            return annotation
        return replace(annotation, grade=grader.grade(annotation.answer, asking.prompt))
