"""Difficulty from comparisons: each question against earlier ones, and one scale for all at the end."""

from __future__ import annotations

import random
from array import array
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from lessons.errors import ConfigError
from lessons.grading import Grader
from lessons.records import Annotation, Message, Prompt, Provenance
from teachers.annotators.asking import Asking, Fields
from teachers.annotators.base import Annotator
from teachers.annotators.labels import choice_label
from teachers.annotators.roll import Roll
from teachers.annotators.template import transcript
from teachers.bradley_terry import strengths
from teachers.calls.together import together
from teachers.exchange import Completion, Request

__all__ = ["Comparisons", "PairwiseDifficultyAnnotator"]

LETTERS = ("A", "B")
POOL = 1000
"""So many earlier prompts are kept to compare new ones with, whatever the length of the run."""


class PairwiseDifficultyAnnotator(Annotator):
    """Asks which of two questions is harder, each prompt against earlier ones, and puts all on one scale at the end.

    Each pair is asked in both orders, because models prefer a place. An annotation "comparison" is one ask: its
    `subject` the other question, its `value` 1 where this prompt was found harder and 0 where the other was, its data
    the `opponent` (id), whether this prompt was `shown_first`, and whether it is `harder`. At the end of the run every
    prompt that was compared gets one annotation "difficulty": its value is the chance, by the Bradley-Terry model, that
    it would be found harder than an average question; its data the `strength` (the log-odds of that), and the
    `comparisons` and `wins` it rests on. So leave DifficultyAnnotator out of the same run, or give it a role (`By`).

    Args:
        opponents: With how many earlier prompts each is compared.
        choice_seed: Another number chooses other opponents.
        prior: Wins and losses against an average question that every prompt starts with; the more, the closer all
            stay together.
        temperature: Temperature of sampling; None for the provider's default.
        max_output_tokens: Upper bound on the tokens of one reply, hidden reasoning included.
        seed: Seed, for teachers that honour seeds.
        repairs: How often a reply that cannot be read is sent back with the reason: 0 or 1.
        template: Text file with another prompt template; copy teachers/annotators/templates/comparison.txt.
    """

    kind = "comparison"

    def __init__(
        self,
        opponents: int = 3,
        choice_seed: int = 0,
        prior: float = 0.5,
        temperature: float | None = 0.0,
        max_output_tokens: int = 256,
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
        self.opponents = opponents
        self.choice_seed = choice_seed
        self.prior = prior

    def check(self, grader: Grader | None) -> None:
        """Refuse settings that cannot work.

        Raises:
            ConfigError: No opponents, or a prior that leaves strengths without bound.
        """
        super().check(grader)
        if not 1 <= self.opponents <= POOL or self.prior <= 0:
            raise ConfigError(
                f"PairwiseDifficultyAnnotator got opponents={self.opponents} and prior={self.prior}. Opponents must be "
                f"from 1 to {POOL} (3 are usual), the prior above 0 (0.5 is usual). Correct them."
            )

    def roll(self) -> Roll:
        """Return a new record of one run's comparisons."""
        return Comparisons(self.opponents, self.choice_seed, self.prior)

    def parse(self, completion: Completion, prompt: Prompt) -> Fields:
        """Read the last line "Harder: A" or "Harder: B"."""
        return Fields(*choice_label(completion.text, "Harder", LETTERS))

    def pair_request(self, prompt: Prompt, opponent: Prompt, sample: int) -> Request:
        """Make the request that compares; with an odd sample number the opponent comes first."""
        pair = [opponent, prompt] if sample % 2 else [prompt, opponent]
        bare = replace(prompt, messages=prompt.messages[-1:])  # the pair is no turn of the prompt's conversation
        shown: list[dict[str, Any]] = [{"question": transcript(p), "choices": list(p.choices)} for p in pair]
        messages: tuple[Message, ...] = self.build(bare, questions=shown)
        return self.request(prompt, messages, sample)

    def foresee(self, prompt: Prompt) -> tuple[list[Request], int]:
        """Foresee two asks for each opponent at most: the first prompts have fewer, and which they are is not known."""
        return [], 2 * self.opponents * (1 + self.repairs)

    def example(self, prompt: Prompt) -> Request:
        """Return a request that compares a prompt with itself."""
        return self.in_full(self.pair_request(prompt, prompt, 0))

    async def annotate(self, asking: Asking) -> list[Annotation]:
        """Compare with each opponent in both orders."""
        opponents = asking.roll.opponents_of(asking.prompt) if isinstance(asking.roll, Comparisons) else []
        pairs = [(opponent, 2 * k + order) for k, opponent in enumerate(opponents) for order in (0, 1)]
        return await together([self.compare(asking, opponent, sample) for opponent, sample in pairs])

    async def compare(self, asking: Asking, opponent: Prompt, sample: int) -> Annotation:
        """Compare with one opponent in one order."""
        found = await self.asked(asking, self.pair_request(asking.prompt, opponent, sample), transcript(opponent))
        data: dict[str, Any] = {"opponent": opponent.id, "shown_first": sample % 2 == 0}
        if found.problem is not None:
            return replace(found, data=data)
        data["harder"] = found.answer == LETTERS[sample % 2]
        return replace(found, value=float(data["harder"]), data=data)


class Comparisons(Roll):
    """All comparisons of one run.

    Args:
        opponents: With how many earlier prompts each is compared.
        choice_seed: Another number chooses other opponents.
        prior: See `teachers.bradley_terry.strengths`.
    """

    def __init__(self, opponents: int, choice_seed: int, prior: float) -> None:
        self.opponents = opponents
        self.prior = prior
        self.random = random.Random(choice_seed)
        self.pool: list[Prompt] = []
        self.waiting: dict[str, list[Prompt]] = {}
        self.numbers: dict[str, int] = {}
        self.winners = array("i")  # half the memory of a list: there may be millions
        self.losers = array("i")
        self.source: Provenance | None = None

    def enroll(self, prompt: Prompt) -> None:
        """Draw a prompt's opponents from the pool, then the pool's next state: each earlier prompt as likely in it."""
        self.waiting[prompt.id] = self.random.sample(self.pool, min(self.opponents, len(self.pool)))
        self.numbers[prompt.id] = len(self.numbers)
        if len(self.pool) < POOL:
            self.pool.append(prompt)
        elif (place := self.random.randrange(len(self.numbers))) < POOL:
            self.pool[place] = prompt

    def opponents_of(self, prompt: Prompt) -> list[Prompt]:
        """Return a prompt's opponents, the same however often it is worked on: first from the ledger, then by calls."""
        return self.waiting.get(prompt.id, [])

    def see(self, annotation: Annotation) -> None:
        """Count a comparison; its prompt's opponents are not needed again."""
        self.waiting.pop(annotation.prompt_id, None)
        if annotation.problem is not None:
            return
        one, other = self.numbers[annotation.prompt_id], self.numbers[annotation.data["opponent"]]
        self.winners.append(one if annotation.data["harder"] else other)
        self.losers.append(other if annotation.data["harder"] else one)
        self.source = self.source or annotation.provenance

    def conclude(self) -> Iterator[Annotation]:
        """Yield one difficulty for each prompt that was compared."""
        if self.source is None:
            return
        count = len(self.numbers)
        fitted = strengths(count, self.winners, self.losers, self.prior)
        wins = np.bincount(self.winners, minlength=count)
        met = wins + np.bincount(self.losers, minlength=count)
        source = Provenance(
            teacher=self.source.teacher,
            model=self.source.model,
            template=f"bradley_terry/1 of {self.source.template}",
            request_key="",  # no call of its own: it rests on those of the comparisons
        )
        for prompt_id, k in self.numbers.items():
            if met[k]:
                strength = float(fitted[k])
                data = {"strength": strength, "comparisons": int(met[k]), "wins": int(wins[k])}
                value = float(1 / (1 + np.exp(-strength)))
                yield Annotation(prompt_id, "difficulty", 0, "", source, value=value, data=data)
