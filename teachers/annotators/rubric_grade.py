"""Grades by a rubric: a score for each criterion, joined by their weights."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import cached_property, partial
from typing import Any

from lessons.errors import ConfigError
from lessons.grading import Grader
from lessons.records import Annotation, Prompt
from teachers.annotators.base import Asking, Fields, ParseProblem, together
from teachers.annotators.repair import largest_repair
from teachers.annotators.rubric import Criterion, as_data, criteria_of, in_words
from teachers.annotators.structured import form_in_words, json_object, parse_json
from teachers.annotators.subjects import TYPICAL_TEXT, Subject, SubjectAnnotator
from teachers.exchange import Completion, Request

__all__ = ["RubricGradeAnnotator"]

LOWEST, HIGHEST = 1, 5
TYPICAL_RUBRIC = [Criterion(f"criterion {k}", "what a good answer does, in one sentence " * 2) for k in range(5)]


class RubricGradeAnnotator(SubjectAnnotator):
    """Asks how far an answer meets each criterion of a rubric, from 1 to 5, with a reason for each.

    After CITING (Feng et al. 2023, arXiv:2310.02527), where revisions follow a rubric; the scores are our reading. The
    rubric is an earlier annotation of the same run (`RubricAnnotator`) or given here; a prompt without one is left
    out. The annotation's `value` is the mean of (score - 1) / 4, weighted by the criteria's weights, in [0, 1]; its
    `answer` the same with two decimals; its `text` the reasons; its `subject` the answer graded. Its data: "grades"
    (each "criterion", "reason", "score", in the rubric's order), "criteria" (the rubric), and "subject" (kind, sample,
    author, and whether it was graded correct).

    Args:
        criteria: The rubric itself, name: description, each of weight 1; None: the one that an earlier annotator wrote.
        rubric_from: The kind of the earlier annotation that is the rubric; not used with `criteria`.
        attempts: Parquet file of attempts to grade (an exam's attempts.parquet); None: texts of the same run.
        of: The kind of the earlier annotations to grade; not used with `attempts`.
        max_texts: At most so many texts of one prompt, the first ones.
        temperature: Temperature of sampling; None for the provider's default.
        max_output_tokens: Upper bound on the tokens of one reply, hidden reasoning included.
        seed: Seed, for teachers that honour seeds.
        show_reference: Show the teacher the right answer (marked as such).
        repairs: How often a reply that cannot be read is sent back with the reason: 0 or 1.
        template: Text file with another prompt template; copy teachers/annotators/templates/rubric_grade.txt.
    """

    kind = "rubric_grade"

    def __init__(
        self,
        criteria: dict[str, str] | None = None,
        rubric_from: str = "rubric",
        attempts: str | None = None,
        of: str = "rationale",
        max_texts: int = 1,
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
            template=template,
        )
        self.criteria = criteria
        self.rubric_from = rubric_from

    @cached_property
    def given(self) -> list[Criterion]:
        """The rubric that the settings give; empty when they give none."""
        return [Criterion(name, description) for name, description in (self.criteria or {}).items()]

    def check(self, grader: Grader | None) -> None:
        """Refuse an empty rubric; read the template and the attempts."""
        super().check(grader)
        if self.criteria is not None and not self.criteria:
            raise ConfigError(
                "criteria of RubricGradeAnnotator is empty; at least one name: description is needed. Name one, or "
                "leave criteria out and put a RubricAnnotator before it."
            )

    def lacking(self, earlier: Collection[str]) -> list[str]:
        """Return the kinds of the texts and of the rubric, where these are not given and nobody writes them."""
        rubric = [] if self.criteria is not None or self.rubric_from in earlier else [self.rubric_from]
        return [*super().lacking(earlier), *rubric]

    def rubric(self, earlier: Sequence[Annotation]) -> list[Criterion]:
        """Return the rubric to grade by; empty when there is none."""
        if self.given:
            return self.given
        found = (criteria_of(a) for a in earlier if a.kind == self.rubric_from and a.problem is None)
        return next(found, [])

    def grade_request(self, prompt: Prompt, text: str, sample: int, criteria: Sequence[Criterion]) -> Request:
        """Make the request that asks for the grades of one text."""
        schema = schema_for(criteria)
        form, rubric = form_in_words(schema), in_words(criteria)
        request = self.request(prompt, self.build(prompt, attempt=text, rubric=rubric, form=form), sample)
        return replace(request, schema=schema)

    def subject_request(self, prompt: Prompt, text: str, sample: int) -> Request:
        """Make a request as far as it is known before the run: with a rubric of typical length where none is given."""
        return self.grade_request(prompt, text, sample, self.given or TYPICAL_RUBRIC)

    def foresee(self, prompt: Prompt) -> tuple[list[Request], int]:
        """Foresee one request for each text, where rubric and texts are known."""
        sure, most = super().foresee(prompt)
        return (sure if self.given else []), most

    def example(self, prompt: Prompt) -> Request | None:
        """Return a request of typical length where rubric or texts are not known yet."""
        if self.given:
            return super().example(prompt)
        known = self.known_subjects(prompt)
        if known == []:
            return None
        request = self.subject_request(prompt, known[0].text if known else TYPICAL_TEXT, 0)
        return largest_repair(request) if self.repairs else request

    def parse(self, completion: Completion, prompt: Prompt) -> Fields:
        """Read grades by the rubric that the settings give; else whatever criteria they name."""
        return self.read_grades(completion, prompt, self.given)

    def read_grades(self, completion: Completion, prompt: Prompt, criteria: Sequence[Criterion]) -> Fields:
        """Read the grades: each criterion exactly once."""
        found = parse_json(completion.text, schema_for(criteria))["grades"]
        grades: dict[str, Mapping[str, Any]] = {}
        for k, grade in enumerate(found):
            if grade["criterion"] in grades:
                raise ParseProblem(f"at $.grades[{k}].criterion: {grade['criterion'][:80]!r} is graded twice")
            grades[grade["criterion"]] = {**grade, "score": int(grade["score"])}
        rubric = criteria or [Criterion(name, "") for name in grades]
        if missing := [one.name for one in rubric if one.name not in grades]:
            raise ParseProblem(f"at $.grades: no grade for the criterion {missing[0]!r}")
        ordered = [grades[one.name] for one in rubric]
        marks = [(grade["score"] - LOWEST) / (HIGHEST - LOWEST) for grade in ordered]
        weights = [one.weight for one in rubric]
        value = sum(w * m for w, m in zip(weights, marks, strict=True)) / sum(weights)
        text = "\n".join(f"- {g['criterion']} ({g['score']}/{HIGHEST}): {g['reason'].strip()}" for g in ordered)
        data = {"grades": ordered, "criteria": [as_data(one) for one in rubric]}
        return Fields(text, f"{value:.2f}", value, data)

    async def annotate(self, asking: Asking) -> list[Annotation]:
        """Ask about all texts at once."""
        criteria = self.rubric(asking.earlier)
        if not criteria:
            return []
        texts = self.subjects(asking)
        return await together([self.graded(asking, text, k, criteria) for k, text in enumerate(texts)])

    async def graded(self, asking: Asking, subject: Subject, sample: int, criteria: Sequence[Criterion]) -> Annotation:
        """Ask for the grades of one text."""
        request = self.grade_request(asking.prompt, subject.text, sample, criteria)
        found = await self.asked(asking, request, subject.text, partial(self.read_grades, criteria=criteria))
        return replace(found, data={**found.data, "subject": subject.origin()})


def schema_for(criteria: Sequence[Criterion]) -> dict[str, Any]:
    """Return the schema of the grades by a rubric; without criteria, of grades by any."""
    name: dict[str, Any] = {"type": "string"}
    if criteria:
        name["enum"] = [criterion.name for criterion in criteria]
    grade = json_object(
        {
            "criterion": name,
            "reason": {"type": "string", "description": "one sentence that points at the answer"},
            "score": {"type": "integer", "minimum": LOWEST, "maximum": HIGHEST},
        }
    )
    return json_object({"grades": {"type": "array", "items": grade, "minItems": max(1, len(criteria))}})
