"""Rubrics: what makes an answer to a type of question good, as criteria to grade by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from lessons.errors import ConfigError
from lessons.grading import Grader
from lessons.records import Annotation, Prompt
from lessons.tables import read_prompts
from teachers.annotators.base import Annotator, Asking, Fields, ParseProblem
from teachers.annotators.structured import form_in_words, json_object, parse_json
from teachers.exchange import Completion, Request

__all__ = ["Criterion", "RubricAnnotator", "criteria_of"]

HEAVIEST = 5


@dataclass(frozen=True, slots=True)
class Criterion:
    """One thing that a good answer has."""

    name: str
    """A few words, unique in its rubric."""
    description: str
    """What it means, and how a good answer shows it."""
    weight: int = 1
    """How much it counts among the others, from 1 to 5."""


def criteria_of(rubric: Annotation) -> list[Criterion]:
    """Return the criteria that a rubric holds."""
    return [Criterion(**criterion) for criterion in rubric.data["criteria"]]


class RubricAnnotator(Annotator):
    """Asks for the criteria by which answers to a type of question are good or bad: one rubric for each type.

    After CITING (Feng et al. 2023, arXiv:2310.02527), where the teacher writes a rubric for each type of instruction
    and a new one gets the rubric of its nearest type. Our reading: the type is what an earlier annotation says
    (`type_from`), else the prompt's topic; a prompt without either gets a rubric of its own. The question itself is no
    part of a type's request, so all prompts of a type share one call, and a changed prompt changes no rubric. To show
    the teacher what a type is like, name a file of `examples`.

    The annotation's `answer` is the type, its `text` the criteria in words. Its data: "type" (None for a rubric of one
    prompt) and "criteria" (each "name", "description" and "weight", 1 to 5). Every prompt of a type repeats the
    provenance of the one call.

    Args:
        type_from: The kind of the earlier annotation whose answer (else text) is the type.
        examples: Parquet file of prompts (a round's prompts.parquet); those with the type as their topic are shown.
        examples_per_type: At most so many are shown.
        max_criteria: At most so many criteria in a rubric.
        temperature: Temperature of sampling; None for the provider's default.
        max_output_tokens: Upper bound on the tokens of one rubric, hidden reasoning included.
        seed: Seed, for teachers that honour seeds.
        repairs: How often a reply that cannot be read is sent back with the reason: 0 or 1.
        template: Text file with another prompt template; copy teachers/annotators/templates/rubric.txt.
    """

    kind = "rubric"

    def __init__(
        self,
        type_from: str = "task_type",
        examples: str | None = None,
        examples_per_type: int = 3,
        max_criteria: int = 5,
        temperature: float | None = 0.0,
        max_output_tokens: int = 1024,
        seed: int | None = None,
        repairs: int = 1,
        template: str | None = None,
    ) -> None:
        super().__init__(
            temperature=temperature,
            max_output_tokens=max_output_tokens,
            seed=seed,
            repairs=repairs,
            template=template,
        )
        self.type_from = type_from
        self.examples = examples
        self.examples_per_type = examples_per_type
        self.max_criteria = max_criteria

    @property
    def schema(self) -> Mapping[str, Any]:
        """The form of a rubric."""
        criterion = json_object(
            {
                "name": {"type": "string", "description": "two or three words"},
                "description": {"type": "string", "description": "what a good answer does, in one sentence"},
                "weight": {"type": "integer", "minimum": 1, "maximum": HEAVIEST},
            }
        )
        return json_object(
            {"criteria": {"type": "array", "items": criterion, "minItems": 1, "maxItems": self.max_criteria}}
        )

    @cached_property
    def examples_of(self) -> dict[str, list[str]]:
        """By type: questions to show."""
        found: dict[str, list[str]] = {}
        for prompt in read_prompts(self.examples) if self.examples else ():
            shown = found.setdefault(prompt.topic or "", [])
            if len(shown) < self.examples_per_type:
                shown.append(prompt.question)
        return found

    def check(self, grader: Grader | None) -> None:
        """Read the template and the examples."""
        super().check(grader)
        if self.max_criteria < 1:
            raise ConfigError(
                f"max_criteria of RubricAnnotator is {self.max_criteria}; a rubric has at least 1 criterion. Raise it."
            )
        _ = self.examples_of

    def parse(self, completion: Completion, prompt: Prompt) -> Fields:
        """Read the criteria."""
        criteria = [
            Criterion(one["name"].strip(), one["description"].strip(), int(one["weight"]))
            for one in parse_json(completion.text, self.schema)["criteria"]
        ]
        names = [criterion.name.casefold() for criterion in criteria]
        for k, criterion in enumerate(criteria):
            if not criterion.name or not criterion.description:
                raise ParseProblem(f"at $.criteria[{k}]: the name or the description is empty")
            if criterion.name.casefold() in names[:k]:
                raise ParseProblem(f"at $.criteria[{k}].name: {criterion.name[:80]!r} comes twice")
        return Fields(in_words(criteria), data={"criteria": [as_data(criterion) for criterion in criteria]})

    def type_of(self, prompt: Prompt, earlier: Sequence[Annotation] = ()) -> str | None:
        """Return the type of a prompt's question; None when nothing names it."""
        for annotation in earlier:
            if annotation.kind == self.type_from and annotation.problem is None:
                return (annotation.answer or annotation.text).strip() or prompt.topic
        return prompt.topic

    def rubric_request(self, prompt: Prompt, of_type: str | None) -> Request:
        """Make the request for the rubric of a type, or of one prompt that has no type."""
        form = form_in_words(self.schema)
        if of_type is None:
            return self.request(
                prompt, self.build(prompt, type=None, examples=[], form=form, most=self.max_criteria), 0
            )
        bare = replace(prompt, messages=prompt.messages[-1:])  # nothing of the prompt itself goes in
        shown = self.examples_of.get(of_type, [])
        messages = self.build(bare, type=of_type, examples=shown, form=form, most=self.max_criteria)
        return self.request(prompt, messages, 0)

    def foresee(self, prompt: Prompt) -> tuple[list[Request], int]:
        """Foresee one request, the same one for all prompts of a topic."""
        return [self.rubric_request(prompt, self.type_of(prompt))], 1 + self.repairs

    async def annotate(self, asking: Asking) -> list[Annotation]:
        """Ask for the rubric of the prompt's type."""
        of_type = self.type_of(asking.prompt, asking.earlier)
        found = await self.asked(asking, self.rubric_request(asking.prompt, of_type))
        return [replace(found, answer=of_type, data={**found.data, "type": of_type})]


def in_words(criteria: Sequence[Criterion]) -> str:
    """Write criteria as a list."""
    return "\n".join(f"- {one.name} (weight {one.weight}): {one.description}" for one in criteria)


def as_data(criterion: Criterion) -> dict[str, Any]:
    """Return a criterion as JSON values."""
    return {"name": criterion.name, "description": criterion.description, "weight": criterion.weight}
