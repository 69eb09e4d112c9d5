"""Revisions: an attempt written again from its critique."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any, Literal

from lessons.answers import split_answer
from lessons.records import Annotation, Prompt
from teachers.annotators.base import Asking, Fields, ParseProblem
from teachers.annotators.critiqued import Critiqued, CritiquedAnnotator, origin
from teachers.annotators.critiques import VERDICTS
from teachers.exchange import Completion, Request

__all__ = ["RevisionAnnotator"]


class RevisionAnnotator(CritiquedAnnotator):
    """Asks to write an attempt again as its critique demands, ending with a line "Answer: ...".

    For learning to correct oneself from a teacher's revisions: RISE (Qu et al. 2024, arXiv:2407.18219), CITING (Feng et
    al. 2023, arXiv:2310.02527). The annotation's `subject` is the attempt, its `text` and `answer` those of the
    revision. The data: "critique" (the critique's text), "critiqued_by" (its kind, sample, author, request key and
    verdict), and where the run has a grader "attempt_correct" and "gain" (the revision's score less the attempt's).

    A revision is trusted only if its answer is graded right, so what is trained on is never worse than the attempt it
    came from; "gain" tells those that mend something (above 0) from those that keep what was right (0). The corrected
    answer that a critique may give is not shown: the revision has to follow from its reasons.

    Args:
        critiques: Parquet file of annotations that holds the critiques (lessons.parquet); None: those of the same run.
        of: The kind of the critiques that are used: "critique", "critique.<role>" or "merged_critique".
        verdict: Use only critiques with this verdict, "incorrect" or "correct"; "any" for all.
        trusted_only: Leave out critiques that were graded wrong.
        max_texts: At most so many revisions for one prompt, of the first critiques.
        verify: Grade the revised answers, when the run has a grader.
        temperature: Temperature of sampling; None for the provider's default.
        max_output_tokens: Upper bound on the tokens of one revision, hidden reasoning included.
        seed: Seed, for teachers that honour seeds.
        show_reference: Tell the teacher the right answer and ask for the way to it (marked as such).
        repairs: How often a reply that cannot be read is sent back with the reason: 0 or 1.
        template: Text file with another prompt template; copy teachers/annotators/templates/revision.txt.
    """

    kind = "revision"

    def __init__(
        self,
        critiques: str | None = None,
        of: str = "critique",
        verdict: Literal["incorrect", "correct", "any"] = "incorrect",
        trusted_only: bool = True,
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
            critiques,
            max_texts,
            temperature=temperature,
            max_output_tokens=max_output_tokens,
            seed=seed,
            show_reference=show_reference,
            repairs=repairs,
            verify=verify,
            template=template,
        )
        self.of = of
        self.verdict = verdict
        self.trusted_only = trusted_only

    def lacking(self, earlier: Collection[str]) -> list[str]:
        """Return the kind of the critiques, where no file holds them and nobody writes them."""
        return [] if self.critiques is not None or self.of in earlier else [self.of]

    def parse(self, completion: Completion, prompt: Prompt) -> Fields:
        """Split the revised work from the line "Answer: ..."."""
        work, answer = split_answer(completion.text)
        if answer is None:
            raise ParseProblem('no line starts with "Answer:"')
        if not answer:
            raise ParseProblem('nothing follows "Answer:"')
        return Fields(work, answer)

    def groups(self, critiques: Sequence[Annotation]) -> list[Critiqued]:
        """Return each critique that is used, with its attempt."""
        verdicts = VERDICTS if self.verdict == "any" else (self.verdict,)
        return [
            Critiqued(critique.subject or "", (critique,))
            for critique in critiques
            if critique.kind == self.of and critique.answer in verdicts and (critique.trusted or not self.trusted_only)
        ]

    def group_request(self, prompt: Prompt, group: Critiqued, sample: int) -> Request:
        """Make the request that asks for the revision of one attempt."""
        return self.request(prompt, self.build(prompt, attempt=group.attempt, critique=group.critiques[0].text), sample)

    async def one(self, asking: Asking, group: Critiqued, sample: int) -> Annotation:
        """Ask for one revision and compare it with the attempt."""
        critique = group.critiques[0]
        found = await self.asked(asking, self.group_request(asking.prompt, group, sample), group.attempt)
        data: dict[str, Any] = {"critique": critique.text, "critiqued_by": origin(critique)}
        if self.verify and asking.grader is not None:
            before = asking.grader.grade(group.attempt, asking.prompt)
            data["attempt_correct"] = before.correct
            if found.grade is not None:
                data["gain"] = found.grade.score - before.score
        saw = found.saw_reference or critique.saw_reference
        return replace(found, saw_reference=saw, data={**found.data, **data})
