"""Critiques of attempts: of a student's exam, or of the teacher's own rationales."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cached_property
from typing import Literal

from lessons.grading import Grader
from lessons.records import Annotation, Grade, Prompt
from lessons.tables import read_attempts
from teachers.annotators.base import Annotator, Asking, Fields, ParseProblem
from teachers.backend import Completion, Request

__all__ = ["CritiqueAnnotator"]

VERDICT = re.compile(
    r"^[ \t]*[*_]{0,3}verdict[*_]{0,3}[ \t]*:[ \t]*[*_]{0,3}[ \t]*(?P<verdict>[^\n*_]*)[*_]{0,3}[ \t]*$",
    re.IGNORECASE | re.MULTILINE,
)
TYPICAL_RATIONALE = "one step after another " * 50


class CritiqueAnnotator(Annotator):
    """Asks the teacher to examine an attempt and to end with a line "Verdict: correct" or "Verdict: incorrect".

    The annotation's `subject` is the attempt, its `answer` the verdict. Where the attempt can be graded, the verdict is
    graded against that: a critique that misjudges the attempt is kept, marked and not trusted.

    Args:
        attempts: Parquet file of attempts to critique (an exam's attempts.parquet); None: rationales that an earlier
            annotator of the same run wrote.
        of: Which of the teacher's rationales: "wrong" (graded wrong), "right" or "all". Not used with `attempts`.
        max_critiques: At most so many attempts of one prompt, the first ones.
        verify: Grade the verdicts, when the run has a grader.
        temperature: Temperature of sampling; None for the provider's default.
        max_output_tokens: Upper bound on the tokens of one critique, hidden reasoning included.
        seed: Seed, for teachers that honour seeds.
        show_reference: Show the teacher the right answer (marked as such).
        template: Text file with another prompt template; copy teachers/annotators/templates/critique.txt.
    """

    kind = "critique"

    def __init__(
        self,
        attempts: str | None = None,
        of: Literal["wrong", "right", "all"] = "wrong",
        max_critiques: int = 1,
        verify: bool = True,
        temperature: float | None = 0.0,
        max_output_tokens: int = 1024,
        seed: int | None = None,
        show_reference: bool = False,
        template: str | None = None,
    ) -> None:
        super().__init__(
            temperature=temperature,
            max_output_tokens=max_output_tokens,
            seed=seed,
            show_reference=show_reference,
            repairs=0,
            template=template,
        )
        self.attempts = attempts
        self.of = of
        self.max_critiques = max_critiques
        self.verify = verify

    @cached_property
    def attempts_of(self) -> dict[str, list[str]]:
        """By prompt id: the texts of the attempts in the file, without repetitions."""
        found: dict[str, list[str]] = {}
        for attempt in read_attempts(self.attempts) if self.attempts else ():
            texts = found.setdefault(attempt.prompt_id, [])
            if len(texts) < self.max_critiques and attempt.text not in texts:
                texts.append(attempt.text)
        return found

    def check(self, grader: Grader | None) -> None:
        """Read the template and the attempts."""
        super().check(grader)
        _ = self.attempts_of

    def parse(self, completion: Completion, prompt: Prompt) -> Fields:
        """Read the last line "Verdict: ..."."""
        lines = list(VERDICT.finditer(completion.text))
        if not lines:
            raise ParseProblem('no line "Verdict: correct" or "Verdict: incorrect"')
        verdict = lines[-1]["verdict"].strip().rstrip(".").lower()
        if verdict not in ("correct", "incorrect"):
            raise ParseProblem(f'the verdict {verdict[:40]!r} is neither "correct" nor "incorrect"')
        return Fields(completion.text[: lines[-1].start()].strip(), verdict)

    def foresee(self, prompt: Prompt) -> tuple[list[Request], int]:
        """Foresee one request for each attempt in the file; critiques of rationales are not known beforehand."""
        if self.attempts is None:
            return [], self.max_critiques
        sure = [self.critique_request(prompt, text, k) for k, text in enumerate(self.attempts_of.get(prompt.id, ()))]
        return sure, len(sure)

    def example(self, prompt: Prompt) -> Request | None:
        """Return a request about a rationale of typical length where the rationales are not known yet."""
        if self.attempts is None:
            return self.critique_request(prompt, TYPICAL_RATIONALE, 0)
        return super().example(prompt)

    def critique_request(self, prompt: Prompt, attempt: str, sample: int) -> Request:
        """Make the request that asks about one attempt."""
        return self.request(prompt, self.build(prompt, attempt=attempt), sample)

    def subjects(self, asking: Asking) -> list[str]:
        """Return the attempts to critique."""
        if self.attempts is not None:
            return self.attempts_of.get(asking.prompt.id, [])
        texts: list[str] = []
        for earlier in asking.earlier:
            if earlier.kind != "rationale" or earlier.problem is not None:
                continue
            right = earlier.trusted
            if self.of == "all" or right == (self.of == "right"):
                texts.append(f"{earlier.text}\nAnswer: {earlier.answer}")
        return list(dict.fromkeys(texts))[: self.max_critiques]

    async def annotate(self, asking: Asking) -> list[Annotation]:
        """Ask about each attempt in turn."""
        found = []
        for sample, attempt in enumerate(self.subjects(asking)):
            truth = self.truth(
                attempt, asking
            )  # first: a prompt that cannot be graded is refused before it is paid for
            reply = await asking.ask(self.critique_request(asking.prompt, attempt, sample))
            annotation = self.annotation(asking, sample, reply, subject=attempt)
            if truth is not None and annotation.answer is not None and asking.grader is not None:
                annotation = replace(annotation, grade=verdict_grade(annotation.answer, truth, asking.grader.name))
            found.append(annotation)
        return found

    def truth(self, attempt: str, asking: Asking) -> str | None:
        """Return the verdict that the grader gives; None when verdicts are not verified."""
        if not self.verify or asking.grader is None:
            return None
        return "correct" if asking.grader.grade(attempt, asking.prompt).correct else "incorrect"


def verdict_grade(verdict: str, truth: str, grader: str) -> Grade:
    """Mark a verdict against the true one."""
    right = verdict == truth
    return Grade(right, float(right), verdict, f"verdict of {grader}", None if right else f"the attempt is {truth}")
