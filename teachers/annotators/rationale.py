"""Rationales with answers, asked again with fresh samples until enough of them are right."""

from __future__ import annotations

from dataclasses import replace

from lessons.answers import split_answer
from lessons.errors import ConfigError
from lessons.grading import Grader
from lessons.records import Annotation, Prompt
from teachers.annotators.base import Annotator, Asking, Fields, ParseProblem
from teachers.annotators.distinct import without_repeats
from teachers.annotators.secrecy import unaware
from teachers.exchange import Completion, Request

__all__ = ["RationaleAnnotator"]


class RationaleAnnotator(Annotator):
    """Asks for a step-by-step solution that ends with a line "Answer: ...".

    Rejection sampling: an answer that the grader marks wrong is kept, marked and not trusted, and the teacher is asked
    again with a fresh sample. A completion that was cut off or refused ends the asking for that prompt: the same
    question would be cut off or refused again.

    With `answer_hint`, a prompt of which no sample was right is asked once more with the answer shown, as in the
    rationalisation of STaR (Zelikman et al. 2022, arXiv:2203.14465, unchecked): the model reasons backward to the way
    there. That rationale says that it saw the reference, has to pass the grader like every other, and is not trusted
    when it lets show that the answer was given.

    Args:
        samples: How many right rationales are wanted for each prompt.
        max_asks: How many samples may be asked for in total for each prompt.
        verify: Grade the answers, when the run has a grader.
        distinct: Count only rationales that differ from each other: in their calculations, or in their words where
            they calculate nothing. A repetition is kept, marked and not trusted; its `data` has `repeats`, the sample.
        answer_hint: Ask once more with the answer shown when none of the samples was right.
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
        distinct: bool = False,
        answer_hint: bool = False,
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
            verify=verify,
            template=template,
        )
        self.samples = samples
        self.max_asks = max_asks
        self.distinct = distinct
        self.answer_hint = answer_hint
        self.fresh_temperature = fresh_temperature

    def check(self, grader: Grader | None) -> None:
        """Refuse settings that cannot work.

        Raises:
            ConfigError: The settings contradict each other.
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
        if self.answer_hint and (grader is None or not self.verify or self.show_reference):
            raise ConfigError(
                f"answer_hint asks again when no answer is right, but verify={self.verify}, "
                f"show_reference={self.show_reference} and the run has {'no' if grader is None else 'a'} grader. It "
                "needs a grader, verify: true and show_reference: false. Change these, or leave answer_hint out."
            )
        if self.answer_hint:
            self.wording.must_use("reference", "answer_hint")

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

    def hint_request(self, prompt: Prompt, sample: int) -> Request:
        """Make the request that shows the answer."""
        return self.request(prompt, self.wording.messages(prompt, reference=True), sample)

    def foresee(self, prompt: Prompt) -> tuple[list[Request], int]:
        """Foresee `samples` requests, and at most `max_asks` and the hint with their repairs."""
        sure = [self.sample_request(prompt, sample) for sample in range(self.samples)]
        return sure, (self.max_asks + self.answer_hint) * (1 + self.repairs)

    async def annotate(self, asking: Asking) -> list[Annotation]:
        """Ask until `samples` rationales are right, `max_asks` is reached, or one is cut off or refused."""
        found: list[Annotation] = []
        while (missing := self.samples - sum(a.trusted for a in found)) > 0 and len(found) < self.max_asks:
            wave = range(len(found), min(len(found) + missing, self.max_asks))
            replies = await self.asked_samples(asking, [self.sample_request(asking.prompt, k) for k in wave])
            found += [unaware(reply) for reply in replies]
            if self.distinct:
                found = without_repeats(found)
            if any(a.provenance.finish_reason != "stop" for a in replies):
                return found
        if self.answer_hint and not any(a.trusted for a in found):
            found.append(await self.hinted(asking, len(found)))
        return found

    async def hinted(self, asking: Asking, sample: int) -> Annotation:
        """Ask for the way to the answer, which is shown."""
        reply = await self.asked(asking, self.hint_request(asking.prompt, sample))
        return unaware(replace(reply, saw_reference=True))
