"""Reflections: what there is to learn from a solved question beyond its answer."""

from __future__ import annotations

from dataclasses import replace

from lessons.answers import split_answer
from lessons.records import Annotation, Prompt
from teachers.annotators.base import Annotator, Asking, Fields, ParseProblem
from teachers.annotators.sections import sections
from teachers.annotators.subjects import TYPICAL_TEXT, whole_text
from teachers.exchange import Completion, Request

__all__ = ["ReflectionAnnotator"]


class ReflectionAnnotator(Annotator):
    """Asks for a second way to solve a question and a follow-up, to be trained on after the solution.

    After RefAug (Zhang et al. 2024, "Learn Beyond the Answer", arXiv:2406.12050, unchecked; our reading of its prompt):
    the teacher sees the question with its solution and writes alternative reasoning, then a follow-up, which abstracts
    the rule or varies the question. The student learns solution + reflection as one text and stops after the answer
    when it is examined. The answer that the other way finds is graded like any other. `subject` is the solution; `data`
    has the `alternative` and the `follow_up`. What rests on the data's solution counts as having seen the reference. A
    prompt without a trusted solution is left out.

    Args:
        of: The kind of the earlier annotations of the same run among which the solution is: the first trusted one.
        solution_field: The field of the prompt's metadata that holds the data's own solution; it goes before `of`.
        verify: Grade the answers, when the run has a grader.
        temperature: Temperature of sampling; None for the provider's default.
        max_output_tokens: Upper bound on the tokens of one reply, hidden reasoning included.
        seed: Seed, for teachers that honour seeds.
        show_reference: Show the teacher the right answer beside the solution (marked as such).
        repairs: How often a reply that cannot be read is sent back with the reason: 0 or 1.
        template: Text file with another prompt template; copy teachers/annotators/templates/reflection.txt.
    """

    kind = "reflection"

    def __init__(
        self,
        of: str = "rationale",
        solution_field: str | None = None,
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
        self.of = of
        self.solution_field = solution_field

    def parse(self, completion: Completion, prompt: Prompt) -> Fields:
        """Read "Alternative: ...", "Follow-up: ..." and the last line "Answer: ..."."""
        before, answer = split_answer(completion.text)
        if not answer:
            raise ParseProblem('no line "Answer: ..."')
        alternative, follow_up = sections(before, "Alternative", "Follow-up")
        data = {"alternative": alternative, "follow_up": follow_up}
        return Fields(f"Alternative: {alternative}\n\nFollow-up: {follow_up}", answer, data=data)

    def given_solution(self, prompt: Prompt) -> str | None:
        """Return the data's own solution; None where it has none."""
        given = prompt.metadata.get(self.solution_field) if self.solution_field else None
        return given if isinstance(given, str) and given.strip() else None

    def solution_request(self, prompt: Prompt, solution: str) -> Request:
        """Make the request that shows a solution."""
        return self.request(prompt, self.build(prompt, solution=solution), 0)

    def foresee(self, prompt: Prompt) -> tuple[list[Request], int]:
        """Foresee one request where the data has a solution; whether an earlier annotator finds one is not known."""
        given = self.given_solution(prompt)
        return [] if given is None else [self.solution_request(prompt, given)], 1 + self.repairs

    def example(self, prompt: Prompt) -> Request:
        """Return a request about a solution of typical length where there is none yet."""
        return self.in_full(self.solution_request(prompt, self.given_solution(prompt) or TYPICAL_TEXT))

    async def annotate(self, asking: Asking) -> list[Annotation]:
        """Ask about the solution, where there is one."""
        given = self.given_solution(asking.prompt)
        wrote = next((a for a in asking.earlier if a.kind == self.of and a.trusted), None)
        solution = given or (None if wrote is None else whole_text(wrote))
        if solution is None:
            return []
        found = await self.asked(asking, self.solution_request(asking.prompt, solution), solution)
        privileged = given is not None or (wrote is not None and wrote.saw_reference)
        return [replace(found, saw_reference=found.saw_reference or privileged)]
