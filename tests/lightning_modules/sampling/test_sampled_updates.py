from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
import torch
from outspoken import Outspoken, pupil

from lessons.errors import ConfigError
from lightning_modules import Progress, Replay, Sampling, SupervisedModule
from lightning_modules.callbacks import RunFolder
from lightning_modules.sampling import Answer, SampledUpdates, texts
from students import LoRA, Student

LONGEST = 12


class Own(SupervisedModule):
    """Learns its own answers, and keeps what it saw."""

    def __init__(self, updates: SampledUpdates, student: Student | None = None) -> None:
        super().__init__(student or pupil(), lambda parameters: torch.optim.SGD(parameters, lr=0.5))
        self.updates = updates
        self.seen: list[Any] = []
        self.nll: list[torch.Tensor] = []

    def on_fit_start(self) -> None:
        super().on_fit_start()
        self.updates.prepare(self)

    def received(self, batch: Any) -> Any:
        self.seen.append(self.updates.batch(self, batch))
        return self.seen[-1]

    def token_losses(self, batch: Any) -> torch.Tensor:
        losses = super().token_losses(batch)
        self.nll.append(losses.detach())
        return losses


def train(trainer: Any, data: Any, updates: SampledUpdates, *callbacks: Any, **settings: Any) -> Own:
    module = Own(updates, settings.pop("student", None))
    lessons = settings.pop("lessons", 8)
    trainer(*callbacks, **{"max_steps": 3, "accumulate_grad_batches": 4, **settings}).fit(module, data(lessons))
    return module


@pytest.mark.parametrize("precision", ["32-true", "64-true", "bf16-mixed"])
def test_when_an_update_begins_all_ratios_are_exactly_one(trainer: Any, data: Any, precision: str) -> None:
    """In every micro-batch of every update: the same code and batch, and weights that move only after the last."""
    updates = SampledUpdates(Sampling(max_new_tokens=LONGEST), log_probabilities=True)
    module = train(trainer, data, updates, precision=precision)
    assert len(module.seen) == 12
    for batch, nll in zip(module.seen, module.nll, strict=True):
        assert torch.equal((-nll - batch.extras["old_log_probabilities"]).exp(), torch.ones_like(nll))


def test_old_log_probabilities_are_taken_with_dropout_off(trainer: Any, data: Any) -> None:
    calm: list[torch.Tensor] = []

    class Calm(Own):
        """Looks at every micro-batch without dropout as well."""

        def token_losses(self, batch: Any) -> torch.Tensor:
            self.model.train(False)  # type: ignore[union-attr]
            with torch.no_grad():
                calm.append(self.split.nll(batch.input_ids, batch.positions, batch.targets))
            self.model.train(True)  # type: ignore[union-attr]
            return super().token_losses(batch)

    updates = SampledUpdates(Sampling(max_new_tokens=LONGEST), log_probabilities=True)
    module = Calm(updates, pupil(LoRA(rank=2, dropout=0.5)))
    trainer(max_steps=2, accumulate_grad_batches=4).fit(module, data(8))
    for batch, still in zip(module.seen, calm, strict=True):
        assert torch.equal(batch.extras["old_log_probabilities"], -still)
    assert not torch.equal(module.nll[4], calm[4])  # a new adapter adds nothing before the first step, dropped or not


def test_replayed_answers_keep_the_log_probabilities_they_were_written_with(trainer: Any, data: Any) -> None:
    replay = Replay(capacity=100, anew="half")
    updates = SampledUpdates(Sampling(max_new_tokens=LONGEST, replay=replay), log_probabilities=True)
    module = train(
        trainer, data, updates, lessons=7, max_steps=6
    )  # the second pass of the plan meets each lesson again
    again = {True: 0, False: 0}
    for batch, nll in zip(module.seen[12:], module.nll[12:], strict=True):
        old = batch.extras["old_log_probabilities"]
        for place, number in enumerate(batch.plan.sequence_numbers):
            mine = batch.sequences == place
            kept = replay.kept[(number, 0)]
            assert torch.equal(old[mine].double(), torch.from_numpy(kept.log_probabilities))
            written_now = kept.update == batch.plan.update
            assert torch.equal(old[mine], -nll[mine]) == written_now
            again[written_now] += 1
    assert min(again.values()) > 3


def test_what_is_left_out_is_not_replayed(trainer: Any, data: Any) -> None:
    """Nobody measured how it was written: no ratio to it can be taken, and a checkpoint would mix up the logs."""
    replay = Replay(capacity=100, anew="half")
    sampling = Sampling(max_new_tokens=6, samples=4, replay=replay, truncated="leave_out")
    train(trainer, data, SampledUpdates(sampling, log_probabilities=True), max_steps=3)
    assert 0 < len(replay.kept) < 3 * 8 * 4
    again = Replay(capacity=100)
    again.load_state_dict(replay.state_dict())
    assert list(again.kept) == list(replay.kept)
    for mine, other in zip(again.kept.values(), replay.kept.values(), strict=True):
        assert not other.truncated
        assert mine.tokens.tolist() == other.tokens.tolist()
        assert other.log_probabilities is not None
        assert mine.log_probabilities.tolist() == other.log_probabilities.tolist()
        assert len(other.log_probabilities) == len(other.tokens)


def test_a_judge_sees_whole_groups_and_its_marks_arrive_with_the_answers(trainer: Any, data: Any) -> None:
    told: list[list[Answer]] = []

    def judge(answers: Sequence[Answer]) -> list[Answer]:
        marked = [replace(answer, weight=float(k % 3), extras={"reward": k / 8}) for k, answer in enumerate(answers)]
        told.append(marked)
        return marked

    updates = SampledUpdates(Sampling(max_new_tokens=LONGEST, samples=3), judge=judge, extras=("reward",))
    module = train(trainer, data, updates, max_steps=1)
    (answers,) = told
    groups = [[(a.asked.sequence, a.asked.group) for a in answers[k : k + 3]] for k in range(0, 24, 3)]
    assert [len(set(group)) for group in groups] == [1] * 8
    assert len({group[0] for group in groups}) == 8
    assert [a.asked.copy for a in answers] == [0, 1, 2] * 8
    assert len(set(texts(module.student, answers))) > 20
    kept = sorted((a for a in answers if a.weight), key=lambda a: len(a.asked.prompt) + len(a.tokens))
    rewards = torch.cat([batch.extras["reward"] for batch in module.seen])
    assert rewards.tolist() == [a.extras["reward"] for a in kept]
    tokens = torch.cat([batch.targets for batch in module.seen])
    assert tokens.tolist() == [token for a in kept for token in a.tokens.tolist()]
    weights = torch.cat([batch.weights for batch in module.seen])
    assert weights.tolist() == [a.weight for a in kept for _ in a.tokens]
    rest = iter(kept)
    for batch in module.seen:
        mine = [next(rest) for _ in batch.plan.sequence_numbers]
        assert batch.totals.tolist() == [sum(a.weight * len(a.tokens) for a in kept)]
        assert batch.plan.update_sequence_weights == (sum(a.weight for a in kept),)
        assert batch.plan.update_supervised_tokens == sum(len(a.tokens) for a in kept)
        assert batch.plan.update_sequences == len(kept)
        assert batch.plan.sequence_lessons == tuple(a.asked.lesson for a in mine)
        assert batch.plan.lesson_ids == tuple(dict.fromkeys(a.asked.lesson_id for a in mine))


def test_micro_batches_without_lessons_keep_the_ranks_in_step(trainer: Any, data: Any) -> None:
    updates = SampledUpdates(Sampling(max_new_tokens=4), judge=lambda a: a, extras=(), log_probabilities=True)
    module = train(trainer, data, updates, max_steps=6)  # the last update has 2 lessons for 4 micro-batches
    empty = [batch for batch in module.seen if not batch.plan.lesson_ids]
    assert len(empty) == 2
    for batch in empty:
        assert batch.weights.tolist() == [0.0]
        assert len(batch.extras["old_log_probabilities"]) == 1


def test_an_update_of_which_nothing_is_left_changes_nothing_and_says_so(
    trainer: Any, data: Any, caplog: pytest.LogCaptureFixture
) -> None:
    updates = SampledUpdates(Sampling(max_new_tokens=1, truncated="leave_out"))  # one token is hardly ever the end
    with caplog.at_level(logging.WARNING, logger="lightning_modules"):
        module = train(trainer, data, updates, max_steps=1)
    assert updates.figures is not None
    assert updates.figures.truncated_share == 1
    assert "Update 0 trains nothing: none of its 8 answers is used" in caplog.text
    before = pupil().model.state_dict()
    assert all(torch.equal(tensor, before[name]) for name, tensor in module.student.model.state_dict().items())


def test_whole_updates_are_sampled_or_left_as_planned_by_lot(trainer: Any, data: Any) -> None:
    class Compared(Own):
        """Notes which micro-batches are those of the plan."""

        def received(self, batch: Any) -> Any:
            made = super().received(batch)
            planned.setdefault(batch.plan.update, []).append(made is batch)
            return made

    planned: dict[int, list[bool]] = {}
    updates = SampledUpdates(Sampling(max_new_tokens=2), share=0.5)
    trainer(accumulate_grad_batches=4).fit(Compared(updates), data(8))
    assert [len(set(found)) for found in planned.values()] == [1] * 6
    assert {found[0] for found in planned.values()} == {True, False}
    drawn = [updates.drawn(b"share", update) for update in range(2000)]
    assert sum(number < 0.3 for number in drawn) / 2000 == pytest.approx(0.3, abs=0.03)


def test_progress_counts_what_was_trained_not_what_was_planned(trainer: Any, data: Any) -> None:
    module_trainer = trainer(Progress(), max_steps=3, accumulate_grad_batches=4)
    module = Own(SampledUpdates(Sampling(max_new_tokens=LONGEST)))
    module_trainer.fit(module, data(8))
    totals = json.loads(RunFolder.of(module_trainer).totals.read_text())
    assert totals["supervised_tokens"] == sum(len(batch.targets) for batch in module.seen)
    prompts = sum(int((batch.sequences.diff() != 0).sum()) + 1 for batch in module.seen)
    assert totals["lessons"] == prompts == 24


def test_prompts_that_fill_the_context_are_refused_before_the_first_update(trainer: Any, data: Any) -> None:
    class Short(Outspoken):
        """A model with a context of a few tokens."""

        def config(self, tokenizer: Any) -> Any:
            found = super().config(tokenizer)
            found.max_position_embeddings = 5
            return found

    module = Own(SampledUpdates(Sampling()), Student(Short(), precision="float32"))
    with pytest.raises(ConfigError, match=r"prompt of lesson 'p\d+' has \d+ tokens.*context has 5.*Lower data.max_tok"):
        trainer(max_steps=1).fit(module, data(8))
    assert not module.seen


def test_weights_that_are_spread_over_devices_are_refused(trainer: Any) -> None:
    module = Own(SampledUpdates(Sampling()))
    module.trainer = trainer()
    module._device_mesh = object()  # as ModelParallelStrategy leaves it; two real processes would be needed for one
    with pytest.raises(ConfigError, match=r"spread over devices by SingleDeviceStrategy.*Set trainer.strategy to ddp"):
        module.updates.prepare(module)
