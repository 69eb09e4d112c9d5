"""Privileged feedback: the teacher knows the answer, and writes what helps a student to find it."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cached_property

from lessons.errors import ConfigError, DataError
from lessons.grading import Grader
from lessons.records import Annotation, Prompt
from teachers.annotators.base import Asking, Fields, ParseProblem
from teachers.annotators.critiques import Which, chosen
from teachers.annotators.leaks import copied
from teachers.annotators.numbered import numbered, steps_of
from teachers.annotators.repair import sum_known
from teachers.annotators.secrecy import kept_secret
from teachers.annotators.subjects import Subject, SubjectAnnotator
from teachers.exchange import Completion, Request, Sampling

__all__ = ["PrivilegedFeedbackAnnotator"]

FEEDBACK = re.compile(
    r"^[ \t]*(?:#{1,4}[ \t]*)?[*_]{0,3}feedback[*_]{0,3}[ \t]*:[*_]{0,3}", re.IGNORECASE | re.MULTILINE
)


class PrivilegedFeedbackAnnotator(SubjectAnnotator):
    """Shows the teacher a failed attempt with the right answer, and asks for feedback that does not give it away.

    After LEAP (Choudhury and Sodhi 2024, arXiv:2410.05434), where a teacher with privileged state corrects the reasons
    and actions of a failed trajectory and must name nothing that the student cannot know. Ours is its form for texts:
    privileged are the reference and, if named, a solution or tests in the prompt's metadata. The teacher first thinks
    in private, then writes "Feedback:" and what the student shall read.

    The annotation's `text` is the feedback alone, its `subject` the attempt; the data holds "private" (what was written
    before) and "subject" (where the attempt came from: kind, sample, author, and whether it was graded correct).
    Feedback that gives the answer away (`teachers.annotators.leaks`), or copies eight words of the privileged text,
    has a problem, and fresh samples are asked for up to `max_asks`; only the last one is kept, with the cost of all.

    Args:
        attempts: Parquet file of attempts (an exam's attempts.parquet); None: texts of the same run.
        of: The kind of the earlier annotations that get feedback. Not used with `attempts`.
        which: Which of them: "wrong" (graded wrong), "right" or "all".
        privileged: Key of the prompt's metadata that holds more the student must not see, such as a solution or tests.
        max_texts: At most so many attempts of one prompt, the first ones.
        max_asks: How many samples may be asked for until one gives nothing away.
        temperature: Temperature of the first sample; None for the provider's default.
        fresh_temperature: Temperature of further samples.
        max_output_tokens: Upper bound on the tokens of one reply, hidden reasoning included.
        seed: Seed of the first sample, for teachers that honour seeds; sample k uses seed + k.
        repairs: How often a reply that cannot be read is sent back with the reason: 0 or 1.
        template: Text file with another prompt template; copy teachers/annotators/templates/privileged_feedback.txt.
    """

    kind = "privileged_feedback"

    def __init__(
        self,
        attempts: str | None = None,
        of: str = "rationale",
        which: Which = "wrong",
        privileged: str | None = None,
        max_texts: int = 1,
        max_asks: int = 2,
        temperature: float | None = 0.0,
        fresh_temperature: float | None = 0.8,
        max_output_tokens: int = 1024,
        seed: int | None = None,
        repairs: int = 1,
        template: str | None = None,
    ) -> None:
        super().__init__(
            attempts,
            of,
            max_texts,
            temperature=temperature,
            max_output_tokens=max_output_tokens,
            seed=seed,
            show_reference=True,
            repairs=repairs,
            template=template,
        )
        self.which = which
        self.privileged = privileged
        self.max_asks = max_asks
        self.fresh_temperature = fresh_temperature

    @cached_property
    def fresh_sampling(self) -> Sampling:
        """How all samples but the first are drawn."""
        return replace(self.sampling, temperature=self.fresh_temperature)

    def check(self, grader: Grader | None) -> None:
        """Refuse settings that cannot work.

        Raises:
            ConfigError: Nothing may be asked, or asking again would pay for the same text.
        """
        super().check(grader)
        if self.max_asks < 1 or (self.max_asks > 1 and self.fresh_temperature == 0):
            raise ConfigError(
                f"max_asks is {self.max_asks} with fresh_temperature={self.fresh_temperature}. At least 1 ask is "
                "needed, and asking again at temperature 0 would pay for the same text. Set fresh_temperature above 0 "
                "(0.8 is usual), or max_asks to 1."
            )

    def parse(self, completion: Completion, prompt: Prompt) -> Fields:
        """Split what the student shall read from what was thought before."""
        marks = list(FEEDBACK.finditer(completion.text))
        if not marks:
            raise ParseProblem('no line starts with "Feedback:"')
        feedback = completion.text[marks[-1].end() :].strip()
        if not feedback:
            raise ParseProblem('nothing follows "Feedback:"')
        return Fields(feedback, data={"private": completion.text[: marks[-1].start()].strip()})

    def wanted(self, subjects: list[Subject]) -> list[Subject]:
        """Return the attempts that `which` names."""
        return chosen(subjects, self.which)

    def foresee(self, prompt: Prompt) -> tuple[list[Request], int]:
        """Foresee one request for each attempt known, and at most `max_asks`."""
        sure, most = super().foresee(prompt)
        return sure, most * self.max_asks

    def subject_request(self, prompt: Prompt, text: str, sample: int) -> Request:
        """Make the request that asks about one attempt, its steps numbered."""
        steps, secret = numbered(steps_of(text)), self.secret(prompt)
        return self.request(prompt, self.build(prompt, attempt=text, steps=steps, privileged=secret), sample)

    def secret(self, prompt: Prompt) -> str | None:
        """Return the privileged text in the metadata.

        Raises:
            DataError: There is neither this text nor a reference, so that the teacher knows no more than the student.
        """
        found = prompt.metadata.get(self.privileged) if self.privileged else None
        if found is None and prompt.reference is None:
            raise DataError(
                f"The prompt {prompt.id!r} has no reference (got None) and no metadata {self.privileged!r}; for "
                "privileged feedback the teacher has to know more than the student. Name the column of answers with "
                "columns.reference, or the key of the metadata with `privileged`."
            )
        return None if found is None else str(found)

    async def one(self, asking: Asking, subject: Subject, sample: int) -> Annotation:
        """Ask until the feedback gives nothing away, or `max_asks` is reached."""
        request = self.subject_request(asking.prompt, subject.text, sample)
        found = self.guarded(await self.asked(asking, request, subject.text), asking.prompt)
        for ask in range(1, self.max_asks):
            if found.problem is None or found.provenance.finish_reason != "stop":
                break
            again = replace(request, sample=sample + ask * self.max_texts, sampling=self.fresh_sampling)
            spent = found.provenance
            found = self.guarded(await self.asked(asking, again, subject.text), asking.prompt)
            found = replace(found, provenance=sum_known(found.provenance, spent))
        return replace(found, saw_reference=True, data={**found.data, "subject": subject.origin()})

    def guarded(self, found: Annotation, prompt: Prompt) -> Annotation:
        """Return the feedback, with a problem when it gives something away."""
        found, secret = kept_secret(found, prompt), self.secret(prompt)
        run = copied(found.text, secret) if secret and found.problem is None else None
        return found if run is None else replace(found, problem=f"gives the answer away: it copies {run!r}")
