"""Explanations in many styles: a system instruction from a catalogue says how to answer."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import Literal

from lessons.answers import split_answer
from lessons.errors import ConfigError
from lessons.grading import Grader
from lessons.records import Annotation, Prompt
from teachers.annotators.base import Annotator, Asking, Fields, ParseProblem
from teachers.annotators.catalogue import Catalogue
from teachers.annotators.secrecy import unaware
from teachers.exchange import Completion, Request

__all__ = ["ExplanationAnnotator"]


class ExplanationAnnotator(Annotator):
    """Asks for an explained answer under a system instruction out of a catalogue: as a teacher, to a child, in parts.

    After Orca (Mukherjee et al. 2023, arXiv:2306.02707, unchecked), whose teacher answered under 16 system messages;
    the instructions of our catalogue are our own. Which instruction a prompt gets depends on nothing but its id (or its
    topic or task type) and `choice_seed`, so it never changes from run to run. The annotation's `data` has the
    `instruction`'s name and the `catalogue`'s version; the answer is graded.

    Args:
        instructions: Text file with another catalogue; copy teachers/annotators/templates/instructions.txt.
        samples: How many explanations of each prompt, each under another instruction.
        by: What decides on the instructions: "prompt" (each its own), "topic" (the same for a topic), or "task_type"
            (the same for a type that an earlier TaskTypeAnnotator of the run found).
        choice_seed: Another number deals the instructions out differently.
        verify: Grade the answers, when the run has a grader.
        temperature: Temperature of sampling; None for the provider's default.
        max_output_tokens: Upper bound on the tokens of one reply, hidden reasoning included.
        seed: Seed, for teachers that honour seeds.
        show_reference: Tell the teacher the right answer and ask for the way to it (marked as such).
        repairs: How often a reply that cannot be read is sent back with the reason: 0 or 1.
        template: Text file with another prompt template; copy teachers/annotators/templates/explanation.txt.
    """

    kind = "explanation"

    def __init__(
        self,
        instructions: str | None = None,
        samples: int = 1,
        by: Literal["prompt", "topic", "task_type"] = "prompt",
        choice_seed: int = 0,
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
        self.instructions = instructions
        self.samples = samples
        self.by = by
        self.choice_seed = choice_seed

    @cached_property
    def catalogue(self) -> Catalogue:
        """The instructions."""
        return Catalogue(self.instructions, "instructions")

    def check(self, grader: Grader | None) -> None:
        """Refuse settings that cannot work.

        Raises:
            ConfigError: There are fewer instructions than samples.
        """
        super().check(grader)
        self.wording.must_use("instruction", "ExplanationAnnotator")
        if not 1 <= self.samples <= len(self.catalogue.entries):
            raise ConfigError(
                f"samples of ExplanationAnnotator is {self.samples}, and the catalogue {self.catalogue.label} has "
                f"{len(self.catalogue.entries)} instructions. It must be from 1 to their number: each sample gets "
                "another one. Lower samples, or add instructions."
            )

    def chosen(self, prompt: Prompt, earlier: Sequence[Annotation] = ()) -> list[str]:
        """Return the names of a prompt's instructions: the first in an order by hash, which mixes them evenly."""
        group = prompt.id
        if self.by == "topic":
            group = prompt.topic or ""
        elif self.by == "task_type":
            group = next((a.answer for a in earlier if a.kind == "task_type" and a.answer), "")

        def place(name: str) -> bytes:
            return hashlib.sha256(f"{self.choice_seed}\0{group}\0{name}".encode("utf-8", "surrogatepass")).digest()

        return sorted(self.catalogue.entries, key=place)[: self.samples]

    def instruction_request(self, prompt: Prompt, name: str, sample: int) -> Request:
        """Make the request under one instruction."""
        return self.request(prompt, self.build(prompt, instruction=self.catalogue.entries[name]), sample)

    def foresee(self, prompt: Prompt) -> tuple[list[Request], int]:
        """Foresee one request for each sample; with task types it is not yet known under which instructions."""
        sure = [self.instruction_request(prompt, name, k) for k, name in enumerate(self.chosen(prompt))]
        return [] if self.by == "task_type" else sure, self.samples * (1 + self.repairs)

    def example(self, prompt: Prompt) -> Request:
        """Return a request under the longest instruction."""
        longest = max(self.catalogue.entries, key=lambda name: len(self.catalogue.entries[name]))
        return self.in_full(self.instruction_request(prompt, longest, 0))

    def parse(self, completion: Completion, prompt: Prompt) -> Fields:
        """Split the explanation from the line "Answer: ..."."""
        explanation, answer = split_answer(completion.text)
        if not answer:
            raise ParseProblem('no line "Answer: ..."')
        if not explanation:
            raise ParseProblem('nothing but the line "Answer: ...", no explanation')
        return Fields(explanation, answer)

    async def annotate(self, asking: Asking) -> list[Annotation]:
        """Ask once under each chosen instruction."""
        found = []
        for sample, name in enumerate(self.chosen(asking.prompt, asking.earlier)):
            reply = await self.asked(asking, self.instruction_request(asking.prompt, name, sample))
            data = {**reply.data, "instruction": name, "catalogue": self.catalogue.label}
            found.append(unaware(replace(reply, data=data)))
        return found
