"""New questions made from old ones: harder, easier, alike, of two skills, on what must be known first, on a failure."""

from __future__ import annotations

import random
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, Literal, get_args

from lessons.errors import ConfigError
from lessons.grading import Grader
from lessons.records import Annotation, Prompt
from teachers.annotators.base import Annotator, Asking, Fields, ParseProblem, together
from teachers.annotators.new_questions import checked, split, tidy
from teachers.annotators.structured import form_in_words, json_object, parse_json
from teachers.annotators.subjects import Subject, attempt_subjects
from teachers.exchange import Completion, Request
from teachers.near_duplicates import NearDuplicates

__all__ = ["Aim", "NewPromptsAnnotator"]

Aim = Literal["harder", "easier", "similar", "skills", "prerequisites", "failures"]
AT_ONCE = 2
"""How many skills one question joins."""


class NewPromptsAnnotator(Annotator):
    """Asks for new questions made from a prompt, with reference answers where wanted.

    Aims: "harder", "easier" and "similar" vary the difficulty; "skills" joins a pair of skills drawn at random
    (Instruct-SkillMix, Kaur et al. 2024, arXiv:2408.14774); "prerequisites" asks what must be known first; "failures"
    aims at what went wrong in an attempt graded wrong (the question maker of Socratic-Zero, Wang et al. 2025,
    arXiv:2509.24726; wording ours). Each aim is one request.

    Every question is one annotation: `text` the question, `answer` its reference answer, `sample` its number over all
    aims. Its data: "aim"; "topic" and "system" (those of the prompt, to be inherited); "choices" where the prompt has
    options; "skills" and "subject" (the failed attempt's origin) where these were used. A question that is too short or
    nearly repeats the prompt or another new question is kept with a `problem`. The tokens and dollars of a request are
    those of its first question; the others have 0.

    `AnnotatedPrompts` turns these annotations into prompts. Nothing has checked the reference answers yet: ask a
    RationaleAnnotator about the new prompts, and only where it agrees is anything trusted.

    Args:
        aims: What to ask for, each once.
        count: How many questions for each aim.
        with_answers: Ask for reference answers, too.
        skills: Names of skills to draw pairs from, for the aim "skills"; None: those that an earlier annotation names.
        skills_from: The kind of that annotation, with data["skills"] or an answer separated by commas.
        attempts: Parquet file of graded attempts (an exam's attempts.parquet), for the aim "failures".
        fewest_tokens: A question of fewer words, numbers and symbols is refused.
        max_overlap: A question that shares so much with another is refused (see `NearDuplicates`).
        temperature: Temperature of sampling; None for the provider's default.
        max_output_tokens: Upper bound on the tokens of one reply, hidden reasoning included.
        seed: Seed, for teachers that honour seeds; also draws the pairs of skills.
        show_reference: Show the teacher the right answer to the prompt.
        repairs: How often a reply that cannot be read is sent back with the reason: 0 or 1.
        template: Text file with another prompt template; copy teachers/annotators/templates/new_prompt.txt.
    """

    kind = "new_prompt"

    def __init__(
        self,
        aims: list[Aim],
        count: int = 1,
        with_answers: bool = True,
        skills: list[str] | None = None,
        skills_from: str = "skills",
        attempts: str | None = None,
        fewest_tokens: int = 4,
        max_overlap: float = 0.7,
        temperature: float | None = 0.7,
        max_output_tokens: int = 2048,
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
            template=template,
        )
        self.aims = aims
        self.count = count
        self.with_answers = with_answers
        self.skills = skills
        self.skills_from = skills_from
        self.attempts = attempts
        self.fewest_tokens = fewest_tokens
        self.max_overlap = max_overlap

    @cached_property
    def failures_of(self) -> dict[str, list[Subject]]:
        """By prompt id: the attempts graded wrong."""
        attempts = attempt_subjects(self.attempts) if self.attempts else {}
        return {name: wrong for name, found in attempts.items() if (wrong := [s for s in found if s.correct is False])}

    def check(self, grader: Grader | None) -> None:
        """Refuse settings that cannot work; read the template and the attempts."""
        super().check(grader)
        if not self.aims or len(set(self.aims)) < len(self.aims) or self.count < 1 or not 0 < self.max_overlap <= 1:
            raise ConfigError(
                f"NewPromptsAnnotator got aims={self.aims}, count={self.count}, max_overlap={self.max_overlap}; "
                f"allowed are different aims out of {', '.join(get_args(Aim))}, a count of at least 1, and an overlap "
                "above 0 up to 1. Correct the annotator's settings."
            )
        if "failures" in self.aims and not self.failures_of:
            raise ConfigError(
                f'The aim "failures" needs attempts graded wrong; there are none in attempts={self.attempts}. '
                "Name the attempts.parquet of an exam that held these prompts, or leave the aim out."
            )
        if self.skills is not None and len(set(self.skills)) < AT_ONCE:
            raise ConfigError(
                f"skills of NewPromptsAnnotator is {self.skills}; at least {AT_ONCE} different ones are needed to join "
                "a pair. Name more, or set it to null to take those of an earlier annotation."
            )

    def lacking(self, earlier: Collection[str]) -> list[str]:
        """Return the kind that names the skills, where they are needed, not given, and nobody writes it."""
        given = "skills" not in self.aims or self.skills is not None or self.skills_from in earlier
        return [] if given else [self.skills_from]

    def schema_for(self, prompt: Prompt) -> dict[str, Any]:
        """Return the form of the questions made from a prompt: with options where it has some."""
        fields: dict[str, Any] = {"question": {"type": "string", "description": "the whole question"}}
        if prompt.choices:
            option = {"type": "string", "description": "an option, without a letter"}
            fields["choices"] = {"type": "array", "items": option, "minItems": 2, "maxItems": 26}
        if self.with_answers:
            answer = "the right option, word for word" if prompt.choices else "only the final answer"
            fields["answer"] = {"type": "string", "description": answer}
        questions = {"type": "array", "items": json_object(fields), "minItems": 1, "maxItems": self.count}
        return json_object({"questions": questions})

    def parse(self, completion: Completion, prompt: Prompt) -> Fields:
        """Read the questions, into data["questions"]."""
        found = [tidy(one) for one in parse_json(completion.text, self.schema_for(prompt))["questions"]]
        for k, one in enumerate(found):
            options, answer = one.get("choices"), one.get("answer")
            if not one["question"] or answer == "" or (options and "" in options):
                raise ParseProblem(f"at $.questions[{k}]: the question, the answer or an option is empty")
            if options and len(set(options)) < len(options):
                raise ParseProblem(f"at $.questions[{k}].choices: an option comes twice")
            if options and answer is not None and answer not in options:
                raise ParseProblem(f"at $.questions[{k}].answer: {answer[:80]!r} is none of the choices")
        return Fields(completion.text.strip(), data={"questions": found})

    def skills_for(self, prompt: Prompt, earlier: Iterable[Annotation]) -> list[str]:
        """Draw a pair of skills for a prompt; empty when there are not enough."""
        known = self.skills if self.skills is not None else skills_named(earlier, self.skills_from)
        pool = sorted(set(known))
        draw = random.Random(f"{self.seed or 0} {prompt.id}")  # a text as seed: the same pair on every machine
        return draw.sample(pool, AT_ONCE) if len(pool) >= AT_ONCE else []

    def aim_data(self, aim: Aim, prompt: Prompt, earlier: Iterable[Annotation]) -> dict[str, Any] | None:
        """Return what one aim needs, for template and data; None where this prompt lacks it."""
        if aim == "skills":
            skills = self.skills_for(prompt, earlier)
            return {"skills": skills} if skills else None
        if aim == "failures":
            failures = self.failures_of.get(prompt.id)
            return {"subject": failures[0]} if failures else None
        return {}

    def aim_request(self, prompt: Prompt, aim: Aim, needed: Mapping[str, Any]) -> Request:
        """Make the request for one aim."""
        schema = self.schema_for(prompt)
        subject = needed.get("subject")
        messages = self.build(
            prompt,
            aim=aim,
            count=self.count,
            skills=needed.get("skills", []),
            attempt=subject.text if isinstance(subject, Subject) else None,
            form=form_in_words(schema),
        )
        return replace(self.request(prompt, messages, 0), schema=schema)

    def planned(self, prompt: Prompt, earlier: Sequence[Annotation]) -> list[tuple[Aim, dict[str, Any]]]:
        """Return the aims that a prompt allows, with what each needs."""
        wanted = [(aim, self.aim_data(aim, prompt, earlier)) for aim in self.aims]
        return [(aim, needed) for aim, needed in wanted if needed is not None]

    def foresee(self, prompt: Prompt) -> tuple[list[Request], int]:
        """Foresee one request for each aim; skills that earlier annotations will name are not known yet."""
        sure = [self.aim_request(prompt, aim, needed) for aim, needed in self.planned(prompt, ())]
        later = "skills" in self.aims and self.skills is None
        return sure, (len(sure) + later) * (1 + self.repairs)

    async def annotate(self, asking: Asking) -> list[Annotation]:
        """Ask for all aims at once; refuse what repeats something or is too short."""
        planned = self.planned(asking.prompt, asking.earlier)
        requests = [self.aim_request(asking.prompt, aim, needed) for aim, needed in planned]
        replies = await together([self.asked(asking, request) for request in requests])
        known = NearDuplicates(self.max_overlap)
        known.add(asking.prompt.question)
        found: list[Annotation] = []
        for (aim, needed), reply in zip(planned, replies, strict=True):
            found += split(reply, asking.prompt, aim, needed, self.aims.index(aim) * self.count)
        return [checked(one, known, self.fewest_tokens) for one in found]


def skills_named(earlier: Iterable[Annotation], kind: str) -> list[str]:
    """Return the skills that an earlier annotation names."""
    for annotation in earlier:
        if annotation.kind == kind and annotation.problem is None:
            named = annotation.data.get("skills") or (annotation.answer or annotation.text).split(",")
            return [str(skill).strip() for skill in named if str(skill).strip()]
    return []
