"""Verdicts on each step of a solution."""

from __future__ import annotations

import re
from dataclasses import replace

from lessons.grading import Grader
from lessons.records import Annotation, Grade, Prompt
from teachers.annotators.asking import Asking, Fields, ParseProblem
from teachers.annotators.numbered import steps_of
from teachers.annotators.subjects import Subject, SubjectAnnotator
from teachers.exchange import Completion, Request

__all__ = ["StepVerdictsAnnotator"]

LINE = re.compile(
    r"^[ \t]*[#>*_-]{0,3}[ \t]*(?:step[ \t]+)?(?P<number>\d{1,4})[*_]{0,3}[ \t]*[:.)][*_]{0,3}[ \t]*"
    r"(?P<verdict>[^\n]*)$",
    re.IGNORECASE,
)
CORRECT, INCORRECT = "correct", "incorrect"


class StepVerdictsAnnotator(SubjectAnnotator):
    """Asks for a verdict on every step of a solution, each judged by itself: "Step N: correct" or "Step N: incorrect".

    A step is an item of the solution's numbered list, or a line where it has none; its answer line is the last step.
    The annotation's `answer` is "correct" when all steps are, else "incorrect"; where the solution can be graded, this
    is graded against it. Its data: "steps" (their texts), "verdicts" (whether each is correct), "first_wrong" (the
    number of the first wrong step, from 1, or None), and "subject" (where the solution came from). In `value` is the
    share of correct steps.

    Args:
        attempts: Parquet file of attempts (an exam's attempts.parquet); None: texts of the same run.
        of: The kind of the earlier annotations whose texts are judged; not used with `attempts`.
        max_texts: At most so many texts of one prompt, the first ones.
        verify: Grade the verdicts on the whole solutions, when the run has a grader.
        temperature: Temperature of sampling; None for the provider's default.
        max_output_tokens: Upper bound on the tokens of one reply, hidden reasoning included.
        seed: Seed, for teachers that honour seeds.
        show_reference: Show the teacher the right answer (marked as such).
        repairs: How often a reply that cannot be read is sent back with the reason: 0 or 1.
        template: Text file with another prompt template; copy teachers/annotators/templates/step_verdicts.txt.
    """

    kind = "step_verdicts"

    def __init__(
        self,
        attempts: str | None = None,
        of: str = "rationale",
        max_texts: int = 1,
        verify: bool = True,
        temperature: float | None = 0.0,
        max_output_tokens: int = 512,
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

    def parse(self, completion: Completion, prompt: Prompt) -> Fields:
        """Read the verdicts, however many there are."""
        verdicts = read_verdicts(completion.text)
        right = all(verdicts)
        data = {"verdicts": verdicts, "first_wrong": None if right else verdicts.index(False) + 1}
        text = "\n".join(f"Step {k}: {CORRECT if ok else INCORRECT}" for k, ok in enumerate(verdicts, 1))
        return Fields(text, CORRECT if right else INCORRECT, sum(verdicts) / len(verdicts), data)

    def marked(self, annotation: Annotation, grader: Grader, prompt: Prompt) -> Annotation:
        """Mark the verdict on the whole: it is right when it finds the solution right just when the grader does."""
        if annotation.answer is None:
            return annotation
        truth = CORRECT if grader.grade(annotation.subject or "", prompt).correct else INCORRECT
        right = annotation.answer == truth
        reason = None if right else f"the solution is {truth}"
        grade = Grade(right, float(right), annotation.answer, f"verdict of {grader.name}", reason)
        return replace(annotation, grade=grade)

    def subject_request(self, prompt: Prompt, text: str, sample: int) -> Request:
        """Make the request that asks about the steps of one solution."""
        return self.request(prompt, self.build(prompt, steps=steps_of(text)), sample)

    async def one(self, asking: Asking, subject: Subject, sample: int) -> Annotation:
        """Ask about one solution."""
        steps = steps_of(subject.text)

        def read(completion: Completion, prompt: Prompt) -> Fields:
            fields = self.parse(completion, prompt)
            if len(fields.data["verdicts"]) != len(steps):
                raise ParseProblem(f"{len(fields.data['verdicts'])} verdicts on {len(steps)} steps")
            return replace(fields, data={"steps": steps, **fields.data})

        request = self.subject_request(asking.prompt, subject.text, sample)
        found = await self.asked(asking, request, subject.text, read)
        return replace(found, data={**found.data, "subject": subject.origin()})


def read_verdicts(text: str) -> list[bool]:
    """Read lines "Step N: correct" or "Step N: incorrect", numbered from 1 and nothing else.

    >>> read_verdicts("Step 1: correct\\n**Step 2:** incorrect.")
    [True, False]

    Raises:
        ParseProblem: A line is something else or out of turn, or there is none.
    """
    verdicts: list[bool] = []
    for line in filter(str.strip, text.split("\n")):
        found = LINE.match(line)
        if found is None:
            raise ParseProblem(f'the line {line.strip()[:40]!r} is not of the form "Step N: correct"')
        if int(found["number"]) != len(verdicts) + 1:
            raise ParseProblem(f"step {found['number'][:9]} where step {len(verdicts) + 1} is due")
        verdict = found["verdict"].strip(" \t\r*_`").removesuffix(".").casefold()
        if verdict not in (CORRECT, INCORRECT):
            raise ParseProblem(f'step {found["number"]} is {verdict[:40]!r}, neither "{CORRECT}" nor "{INCORRECT}"')
        verdicts.append(verdict == CORRECT)
    if not verdicts:
        raise ParseProblem("no verdicts")
    return verdicts
