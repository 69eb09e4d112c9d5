"""Answers by the strategy that works best for a topic, measured on its first prompts."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from lessons.answers import split_answer
from lessons.errors import CallFailed, ConfigError, Stopped
from lessons.grading import Grader
from lessons.records import Annotation, Prompt
from teachers.annotators.base import Annotator, Asking, Fields, ParseProblem, together
from teachers.annotators.catalogue import Catalogue
from teachers.annotators.leaks import copied
from teachers.annotators.roll import Roll
from teachers.exchange import Completion, Request

__all__ = ["StrategyAnnotator"]

WORDS_IN_A_ROW = 8
"""So many words that a text shares with its strategy's message count as repeating it."""


class StrategyAnnotator(Annotator):
    """Answers the first prompts of each topic by every strategy, and the others by the one that was right most often.

    After Orca 2 (Mitra et al. 2023, arXiv:2311.11045; our reading of how a strategy is chosen): a teacher answers every
    task under the system message that suits it, and the student is trained on the answer WITHOUT that message (prompt
    erasure), so it has to find the strategy by itself. Nothing needs to be erased here: the strategy goes into the
    teacher's request only, and the prompt that a student is trained on stays as it is. A text that repeats its
    strategy's message is kept, marked and not trusted.

    The first `probes` prompts of a topic get one annotation for each strategy, the others one. All are graded. The
    data: the `strategy`'s name, the `catalogue`'s version, whether it is a `probe`, and for others `measured`: for
    each strategy how many of the topic's probes it got right. Of equally good strategies the first of the catalogue is
    taken, so put the cheapest first. The run needs a grader and prompts with references.

    Args:
        strategies: Text file with another catalogue; copy teachers/annotators/templates/strategies.txt.
        probes: How many prompts of each topic are answered by every strategy.
        temperature: Temperature of sampling; None for the provider's default.
        max_output_tokens: Upper bound on the tokens of one reply, hidden reasoning included.
        seed: Seed, for teachers that honour seeds.
        repairs: How often a reply that cannot be read is sent back with the reason: 0 or 1.
        template: Text file with another prompt template; copy teachers/annotators/templates/strategy.txt.
    """

    kind = "strategy"

    def __init__(
        self,
        strategies: str | None = None,
        probes: int = 8,
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
            verify=True,
            template=template,
        )
        self.strategies = strategies
        self.probes = probes

    @cached_property
    def catalogue(self) -> Catalogue:
        """The strategies."""
        return Catalogue(self.strategies, "strategies")

    def check(self, grader: Grader | None) -> None:
        """Refuse settings that cannot work.

        Raises:
            ConfigError: There is nothing to measure with, or nothing to choose from.
        """
        super().check(grader)
        self.wording.must_use("strategy", "StrategyAnnotator")
        if grader is None or self.probes < 1 or len(self.catalogue.entries) < 2:
            raise ConfigError(
                f"StrategyAnnotator got probes={self.probes}, {len(self.catalogue.entries)} strategies and "
                f"{'no' if grader is None else 'a'} grader. It measures strategies by their right answers: it needs a "
                "grader, at least 1 probe and at least 2 strategies. Add what is missing, or use RationaleAnnotator."
            )

    def roll(self) -> Roll:
        """Return a new record of one run's probes."""
        return Probes(self.probes)

    def parse(self, completion: Completion, prompt: Prompt) -> Fields:
        """Split the text, which a strategy may leave empty, from the line "Answer: ..."."""
        text, answer = split_answer(completion.text)
        if not answer:
            raise ParseProblem('no line "Answer: ..."')
        return Fields(text, answer)

    def strategy_request(self, prompt: Prompt, name: str) -> Request:
        """Make the request that has a prompt answered by a strategy."""
        return self.request(prompt, self.build(prompt, strategy=self.catalogue.entries[name]), 0)

    def foresee(self, prompt: Prompt) -> tuple[list[Request], int]:
        """Foresee every strategy at most; which prompts are probes is only known in the run."""
        return [], len(self.catalogue.entries) * (1 + self.repairs)

    def example(self, prompt: Prompt) -> Request:
        """Return a request with the longest strategy."""
        return self.in_full(self.strategy_request(prompt, max(self.catalogue.entries, key=self.message_length)))

    def message_length(self, name: str) -> int:
        """Return the length of a strategy's message."""
        return len(self.catalogue.entries[name])

    async def annotate(self, asking: Asking) -> list[Annotation]:
        """Answer by every strategy, or by the best."""
        probes = asking.roll if isinstance(asking.roll, Probes) else None
        if asking.grader is None or probes is None or probes.is_probe(asking.prompt):
            found = await self.all_ways(asking)
            return [replace(a, sample=k, data={**a.data, "probe": True}) for k, a in enumerate(found)]
        measured = await self.measured(asking, probes)
        best = max(measured, key=lambda name: measured[name])  # the first of the best
        found_one = await self.one_way(asking, best)
        return [replace(found_one, data={**found_one.data, "probe": False, "measured": dict(measured)})]

    async def all_ways(self, asking: Asking) -> list[Annotation]:
        """Answer a prompt by every strategy."""
        return await together([self.one_way(asking, name) for name in self.catalogue.entries])

    async def one_way(self, asking: Asking, name: str) -> Annotation:
        """Answer a prompt by one strategy."""
        found = await self.asked(asking, self.strategy_request(asking.prompt, name))
        data = {**found.data, "strategy": name, "catalogue": self.catalogue.label}
        words = copied(found.text, self.catalogue.entries[name], WORDS_IN_A_ROW)
        problem = f"repeats the strategy's message: {words!r}" if words and found.problem is None else found.problem
        return replace(found, data=data, problem=problem)

    async def measured(self, asking: Asking, probes: Probes) -> Mapping[str, int]:
        """Return for each strategy how many probes of the prompt's topic it gets right; the first to ask counts."""
        topic = probes.topic_of(asking.prompt)
        if topic.measured is None:
            topic.measured = asyncio.get_running_loop().create_future()
            try:
                topic.measured.set_result(await self.count_right(asking, topic.prompts))
            except BaseException as error:
                failed, topic.measured = topic.measured, None
                failed.set_exception(error if isinstance(error, Exception) else Stopped("The run was interrupted."))
                failed.exception()  # read once, or asyncio complains when nobody waits for it
                raise
        return await asyncio.shield(topic.measured)

    async def count_right(self, asking: Asking, prompts: list[Prompt]) -> dict[str, int]:
        """Answer the probes by every strategy and count.

        The probes themselves ask the same at the same time; the caller answers equal requests by one call. So no prompt
        ever waits for another one's turn. A probe that the teacher cannot be asked about counts for no strategy.
        """
        right = dict.fromkeys(self.catalogue.entries, 0)
        for prompt in prompts:
            try:
                found = await self.all_ways(asking._replace(prompt=prompt))
            except CallFailed:
                continue
            for annotation in found:
                right[annotation.data["strategy"]] += annotation.trusted
        return right


@dataclass(slots=True)
class Topic:
    """What is known of one topic."""

    prompts: list[Prompt]
    """Its first prompts, the probes."""
    measured: asyncio.Future[Mapping[str, int]] | None = None
    """For each strategy: how many probes it got right; None until the first other prompt asks."""


class Probes(Roll):
    """The first prompts of every topic.

    Args:
        count: How many of each topic.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self.topics: dict[str | None, Topic] = {}

    def enroll(self, prompt: Prompt) -> None:
        """Keep a prompt if it is among the first of its topic."""
        topic = self.topics.setdefault(prompt.topic, Topic([]))
        if len(topic.prompts) < self.count:
            topic.prompts.append(prompt)

    def topic_of(self, prompt: Prompt) -> Topic:
        """Return what is known of a prompt's topic."""
        return self.topics[prompt.topic]

    def is_probe(self, prompt: Prompt) -> bool:
        """Whether a prompt is a probe."""
        return any(probe.id == prompt.id for probe in self.topic_of(prompt).prompts)
