"""Critiques of attempts: of a student's exam, or of the teacher's own rationales."""

from __future__ import annotations

from dataclasses import replace

from lessons.grading import Grader
from lessons.records import Annotation, Prompt
from teachers.annotators.base import Asking, Fields
from teachers.annotators.critiques import Which, chosen, discreet, marked_critique, read_critique
from teachers.annotators.numbered import numbered, steps_of
from teachers.annotators.subjects import Subject, SubjectAnnotator
from teachers.exchange import Completion, Request

__all__ = ["CritiqueAnnotator"]


class CritiqueAnnotator(SubjectAnnotator):
    """Asks the teacher to examine an attempt: what is wrong, from which step on, what the answer is, and the verdict.

    The teacher for Critique Fine-Tuning (Wang, Yue, Chen 2025, arXiv:2501.17703), and the critic of RealCritic
    (Tang et al. 2025, arXiv:2501.14492): see `teachers.critics.critic_exam`. The annotation's `subject` is the
    attempt, its `text` the explanation, its `answer` the verdict, "correct" or "incorrect". Its data, for "incorrect":
    "first_wrong_step" (number of the step from 1, or the words quoted) and "corrected_answer", each only if given, and
    "correction_correct" where that was graded. "subject" says where the attempt came from: kind, sample, author,
    and whether it was graded correct. Where the attempt can be graded, a critique is right when its verdict and its
    corrected answer are: one that misjudges is kept, marked and not trusted.

    A teacher who sees the reference is not asked for the corrected answer; if the explanation of a wrong attempt gives
    the reference away nevertheless, the critique has a problem.

    Args:
        attempts: Parquet file of attempts to critique (an exam's attempts.parquet); None: texts of the same run.
        of: The kind of the earlier annotations that are critiqued. Not used with `attempts`.
        which: Which of them: "wrong" (graded wrong), "right" or "all". None: all attempts of a file, the wrong ones of
            the teacher's own texts.
        max_texts: At most so many attempts of one prompt, the first ones.
        verify: Grade the verdicts and the corrected answers, when the run has a grader.
        temperature: Temperature of sampling; None for the provider's default.
        max_output_tokens: Upper bound on the tokens of one critique, hidden reasoning included.
        seed: Seed, for teachers that honour seeds.
        show_reference: Show the teacher the right answer (marked as such).
        repairs: How often a reply that cannot be read is sent back with the reason: 0 or 1.
        template: Text file with another prompt template; copy teachers/annotators/templates/critique.txt.
    """

    kind = "critique"

    def __init__(
        self,
        attempts: str | None = None,
        of: str = "rationale",
        which: Which | None = None,
        max_texts: int = 1,
        verify: bool = True,
        temperature: float | None = 0.0,
        max_output_tokens: int = 1024,
        seed: int | None = None,
        show_reference: bool = False,
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
            show_reference=show_reference,
            repairs=repairs,
            verify=verify,
            template=template,
        )
        self.which = which

    def parse(self, completion: Completion, prompt: Prompt) -> Fields:
        """Read the last lines "First wrong step: ...", "Corrected answer: ..." and "Verdict: ..."."""
        return read_critique(completion.text)

    def marked(self, annotation: Annotation, grader: Grader, prompt: Prompt) -> Annotation:
        """Mark the verdict and the corrected answer."""
        return marked_critique(annotation, grader, prompt)

    def wanted(self, subjects: list[Subject]) -> list[Subject]:
        """Return the attempts that `which` names."""
        return chosen(subjects, self.which or ("wrong" if self.attempts is None else "all"))

    def subject_request(self, prompt: Prompt, text: str, sample: int) -> Request:
        """Make the request that asks about one attempt, its steps numbered."""
        return self.request(prompt, self.build(prompt, attempt=text, steps=numbered(steps_of(text))), sample)

    async def one(self, asking: Asking, subject: Subject, sample: int) -> Annotation:
        """Ask about one attempt."""
        request = self.subject_request(asking.prompt, subject.text, sample)
        found = await self.asked(
            asking, request, subject.text, lambda completion, _: read_critique(completion.text, subject.text)
        )
        found = discreet(found, asking.prompt)
        return replace(found, data={**found.data, "subject": subject.origin()})
