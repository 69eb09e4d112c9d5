"""Updates whose texts the student writes itself: sampled all at once, before their first micro-batch is trained."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from lessons.errors import ConfigError
from lightning_modules.data.collate import Batch
from lightning_modules.data.micro_batches import MicroBatches
from lightning_modules.sampling.answer_budget import refuse_over_budget
from lightning_modules.sampling.answers import Answer, Asked
from lightning_modules.sampling.asking import asked_of, refuse_full_prompts
from lightning_modules.sampling.batches import SampledBatch, SampledFigures, batches_of
from lightning_modules.sampling.sampling import Sampling
from lightning_modules.sampling.share import FixedShare, StudentShare
from students.decoding import stream
from students.ranks import Ranks

if TYPE_CHECKING:
    from lightning_modules.supervised import SupervisedModule

__all__ = ["Judge", "SampledUpdates"]

log = logging.getLogger(__name__)

Judge = Callable[[Sequence[Answer]], Sequence[Answer]]
"""From all answers of this process to an update to the same, in the same order, with weights and extras: a judge marks
them. All answers of one group are among them. Called on every process, also with none."""


class SampledUpdates:
    """Puts the student's own answers in the place of the lessons' texts, an update at a time.

    A module calls `batch` from its method `received`; everything after that, losses and callbacks, sees the sampled
    micro-batch as if it had come from the plan. The prompts of the whole update are answered together, and their tokens
    counted over all processes, before the first is trained, so that every micro-batch divides by the totals of the
    whole update. Which answers are trained in one micro-batch their lengths decide, not the plan, so that the largest
    micro-batch is as small as it can be, and within data.tokens_per_micro_batch. The module calls `check` in `setup`,
    `prepare` in `on_fit_start`, and keeps `state_dict` in its checkpoints.

    Args:
        sampling: How answers are sampled.
        share: Which share of the updates is sampled.
        judge: Gives answers weights and numbers of their own before totals are taken; None leaves them as they are.
        extras: Names of those numbers, which become `Batch.extras`, [sequences] each.
        log_probabilities: Whether `Batch.extras` gets "old_log_probabilities", [supervised]: those of the student that
            wrote the answer, by the same forward code on the same micro-batch, with dropout off. One forward pass more.
    """

    def __init__(
        self,
        sampling: Sampling,
        share: StudentShare | float = 1.0,
        judge: Judge | None = None,
        extras: Sequence[str] = (),
        log_probabilities: bool = False,
    ) -> None:
        self.sampling = sampling
        self.share = share if isinstance(share, StudentShare) else FixedShare(share)
        self.judge = judge
        self.extras = extras
        self.log_probabilities = log_probabilities
        self.opens = True  # whether the next micro-batch is the first of its update
        self.sampled = False
        """Whether the update at hand is sampled."""
        self.figures: SampledFigures | None = None
        """What was sampled last."""
        self.waiting: deque[Batch] = deque()

    def check(self) -> None:
        """Refuse settings out of range, before anything is loaded.

        Raises:
            ConfigError: One is.
        """
        self.sampling.check()
        self.share.check()

    def prepare(self, module: SupervisedModule) -> None:
        """Make ready before the first update, and refuse what nobody could write answers with.

        Raises:
            ConfigError: A prompt leaves no room for an answer, the weights are spread over devices, or answers could
            need more micro-batches than there are.
        """
        self.opens = True  # an earlier run may have ended in the middle of an update
        refuse_shards(module)
        data, context = micro_batches(module), module.student.context_length
        refuse_full_prompts(data.lessons, context)
        if not (isinstance(self.share, FixedShare) and self.share.value == 0):
            refuse_over_budget(data, self.sampling, context)
        self.share.prepare(module)

    def batch(self, module: SupervisedModule, batch: Batch) -> Batch:
        """Return what is trained in place of a planned micro-batch: itself, where its update is not sampled."""
        if self.opens:
            update = batch.plan.update
            self.share.hear(module, update)
            self.sampled = self.drawn(b"share", update) < self.share.share()
            self.waiting = deque(self.sample(module, update) if self.sampled else ())
        self.opens = batch.plan.closes_update
        return self.waiting.popleft() if self.sampled else batch

    def sample(self, module: SupervisedModule, update: int) -> list[Batch]:
        """Return the micro-batches of an update, of answers."""
        data = micro_batches(module)
        with module.trainer.precision_plugin.forward_context():
            answers = self.answers(module, asked_of(data, update, self.sampling.samples), update)
            made, self.figures = batches_of(data, answers, update, self.extras)
            made = [SampledBatch(batch.to(module.device), trained) for batch, trained in made]
            if self.log_probabilities:
                made = [with_log_probabilities(module, batch, trained) for batch, trained in made]
        if self.sampling.replay is not None:  # what is left out is not kept: nobody measured how it was written
            new = [answer for found in made for answer in found.answers if answer.update == update]
            self.sampling.replay.keep(of_all_processes(new))
        if not made[0].batch.totals.any() and module.trainer.is_global_zero:
            log.warning("Update %d trains nothing: none of its %d answers is used", update, self.figures.answers)
        return [found.batch for found in made]

    def answers(self, module: SupervisedModule, wanted: list[Asked], update: int) -> list[Answer]:
        """Return the answers, replayed or written, and judged."""
        known = [self.recalled(module, want, update) for want in wanted]
        request = self.sampling.request([w for w, k in zip(wanted, known, strict=True) if k is None], update)
        written = iter(zip(request.asked, self.sampling.author.write(module.student, request), strict=True))
        stops = module.student.encoder.stop_ids
        judged = [answer or written_answer(*next(written), stops, update) for answer in known]
        judged = list(self.judge(judged)) if self.judge is not None else judged
        if self.sampling.truncated == "leave_out":
            judged = [replace(answer, weight=0.0) if answer.truncated else answer for answer in judged]
        return judged

    def recalled(self, module: SupervisedModule, asked: Asked, update: int) -> Answer | None:
        """Return the answer to use again, or None where one shall be written."""
        replay = self.sampling.replay
        if replay is None:
            return None
        anew = self.drawn(b"replay/%d/%d" % (asked.sequence, asked.copy), update)
        return None if anew < replay.anew_share(update, module.planned_updates()) else replay.recall(asked, update)

    def pace(self, update: int, updates: int) -> tuple[float, ...]:
        """Return the share of answers that is written anew in an update of a run with so many, with a replay."""
        replay = self.sampling.replay
        return () if replay is None else (replay.anew_share(update, updates),)

    def drawn(self, name: bytes, update: int) -> float:
        """Return a number in [0, 1) that depends on name, seed and update alone."""
        return float(stream(b"%s/%d/%d" % (name, self.sampling.seed, update), 1)[0])

    def state_dict(self) -> dict[str, Any]:
        """Return what a resumed run needs to go on as if never stopped; the same on every process."""
        replay = self.sampling.replay
        return {"share": self.share.state_dict(), "replay": None if replay is None else replay.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a saved state."""
        self.share.load_state_dict(state["share"])
        if self.sampling.replay is not None:
            self.sampling.replay.load_state_dict(state["replay"])


def refuse_shards(module: SupervisedModule) -> None:
    """Refuse weights that are spread over devices: they come together only while all process the same batch.

    Raises:
        ConfigError: They are.
    """
    if module.device_mesh is not None:
        raise ConfigError(
            f"The student's weights are spread over devices by {type(module.trainer.strategy).__name__}, and answers "
            "cannot be sampled from parts of it. Allowed is one device, or several that hold all weights each. Set "
            "trainer.strategy to ddp, or train on given texts with lightning_modules.LogitDistillation."
        )


def micro_batches(module: SupervisedModule) -> MicroBatches:
    """Return the plan's micro-batches of the run that a module is in."""
    found: MicroBatches = module.trainer.datamodule.batches_of_plan  # type: ignore[attr-defined]
    return found


def written_answer(asked: Asked, tokens: list[int], stops: Sequence[int], update: int) -> Answer:
    """Return what was just written as an answer."""
    return Answer(asked, np.array(tokens, np.int32), truncated=tokens[-1] not in stops, update=update)


@torch.no_grad()
def with_log_probabilities(module: SupervisedModule, batch: Batch, answers: Sequence[Answer]) -> SampledBatch:
    """Return a micro-batch and its answers with the log-probabilities that they were written with.

    Dropout is off: it would draw random numbers that a resumed run does not draw, and the student that wrote had none.
    """
    model = module.student.model
    was_training = model.training
    model.train(False)
    try:
        logs = -module.split.nll(batch.input_ids, batch.positions, batch.targets)
    finally:
        model.train(was_training)
    noted, start = [], 0
    for answer in answers:
        span = slice(start, start + len(answer.tokens))
        if answer.log_probabilities is None:
            answer = replace(answer, log_probabilities=logs[span].double().cpu().numpy())
        else:
            logs[span] = torch.from_numpy(answer.log_probabilities).to(logs)
        start = span.stop
        noted.append(answer)
    batch.extras["old_log_probabilities"] = logs
    return SampledBatch(batch, noted)


def of_all_processes(answers: list[Answer]) -> list[Answer]:
    """Return the answers of all processes."""
    ranks = Ranks.here()
    if ranks.world_size == 1:
        return answers
    gathered: list[list[Answer]] = [[] for _ in range(ranks.world_size)]
    torch.distributed.all_gather_object(gathered, answers)
    return [answer for found in gathered for answer in found]
