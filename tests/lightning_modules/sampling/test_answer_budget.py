from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from outspoken import pupil

from lessons.errors import ConfigError
from lightning_modules import Sampling, SupervisedModule
from lightning_modules.data.token_budget import cut_evenly
from lightning_modules.sampling import SampledUpdates
from lightning_modules.sampling.batches import sizes_of

LONGEST, SAMPLES, BOUND = 20, 3, 70


@given(st.lists(st.tuples(st.integers(1, 30), st.integers(0, 40)), min_size=1, max_size=30), st.integers(1, 8))
def test_what_fits_at_its_longest_fits_at_its_true_length(answers: list[tuple[int, int]], pieces: int) -> None:
    """The promise: however much shorter answers turn out, and so sorted otherwise, no micro-batch grows."""
    true = sizes_of(sorted(short for short, _ in answers))
    longest = sizes_of(sorted(short + more for short, more in answers))
    assert cut_evenly(true, pieces).tokens <= cut_evenly(longest, pieces).tokens


class Own(SupervisedModule):
    """Learns its own answers, and keeps what it was given."""

    def __init__(self) -> None:
        super().__init__(pupil(), lambda parameters: torch.optim.SGD(parameters, lr=0.5))
        self.updates = SampledUpdates(Sampling(max_new_tokens=LONGEST, samples=SAMPLES))
        self.seen: list[Any] = []

    @property
    def answers_per_lesson(self) -> int:
        return SAMPLES

    def on_fit_start(self) -> None:
        super().on_fit_start()
        self.updates.prepare(self)

    def received(self, batch: Any) -> Any:
        self.seen.append(self.updates.batch(self, batch))
        return self.seen[-1]


def largest(module: Own) -> int:
    """Most tokens of a micro-batch, padding included; what is read is one token shorter than what is learnt."""
    return max(batch.input_ids.shape[0] * (batch.input_ids.shape[1] + 1) for batch in module.seen)


def test_every_micro_batch_of_answers_keeps_the_bound(trainer: Any, data: Any, caplog: Any) -> None:
    """The message says how many micro-batches it takes: with one fewer it comes again, with as many it holds.

    More than lessons here, since the answers to one may go apart; and the lessons' own texts, which are longer, are not
    counted.
    """

    def lessons() -> Any:
        return data(4, tokens_per_micro_batch=BOUND)

    with pytest.raises(ConfigError) as refused:
        trainer(accumulate_grad_batches=2).fit(Own(), lessons())
    said = str(refused.value)
    assert f"data.tokens_per_micro_batch is {BOUND}, and an update is cut into 2 micro-batches on each of 1" in said
    assert "With 3 answers of up to 20 tokens to every prompt, update" in said
    assert "raise data.tokens_per_micro_batch, or lower sampling.max_new_tokens" in said
    needed = int(said.split("Set trainer.accumulate_grad_batches to ")[1].split(",")[0])
    with pytest.raises(ConfigError, match=f"may need {needed}. Set"):
        trainer(accumulate_grad_batches=needed - 1).fit(Own(), lessons())
    module = Own()
    with caplog.at_level(logging.WARNING, logger="lightning_modules"):
        trainer(accumulate_grad_batches=needed).fit(module, lessons())
    assert BOUND / 2 < largest(module) <= BOUND
    assert "more than data.tokens_per_micro_batch" not in caplog.text


def test_a_prompt_that_never_fits_with_its_answer_is_refused(trainer: Any, data: Any) -> None:
    with pytest.raises(ConfigError, match=r"is 24, but a single answer with its prompt may have \d+ tokens \(up to 20"):
        trainer(accumulate_grad_batches=8).fit(Own(), data(4, tokens_per_micro_batch=LONGEST + 4))


def test_answers_longer_than_could_be_known_are_told_of(trainer: Any, data: Any, caplog: Any) -> None:
    class Surprised(Own):
        """Takes a bound that nobody checked."""

        def on_fit_start(self) -> None:
            super().on_fit_start()
            batches = self.trainer.datamodule.batches_of_plan
            loose = replace(batches.sampler, tokens_per_micro_batch=100)
            self.trainer.datamodule.batches = replace(batches, sampler=loose)

    with caplog.at_level(logging.WARNING, logger="lightning_modules"):
        trainer(max_steps=1).fit(Surprised(), data(8))
    assert "of prompts and answers, more than data.tokens_per_micro_batch (100)" in caplog.text
