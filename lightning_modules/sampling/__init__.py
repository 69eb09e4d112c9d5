"""The student's own answers during training.

A module that trains on them holds a `SampledUpdates` and hands it every micro-batch:

    def setup(self, stage):                                        # settings out of range, before anything is loaded
        self.sampled_updates.check()

    def on_fit_start(self):
        super().on_fit_start()
        self.sampled_updates.prepare(self)

    def received(self, batch):                                     # this is where given texts become sampled ones
        return self.sampled_updates.batch(self, batch)

    def on_save_checkpoint(self, checkpoint):
        super().on_save_checkpoint(checkpoint)
        checkpoint["sampling"] = self.sampled_updates.state_dict() # and load_state_dict in on_load_checkpoint

What then reaches `training_step` is an ordinary `Batch` of prompts and answers, with the totals of the whole update
over all micro-batches and processes; `Batch.sequences` counts the answers, `Plan.sequence_lessons` and
`Plan.sequence_numbers` name what each answers. Settings are in `Sampling`; who writes is an `AnswerWriter` (one
abstract method).

A judge (for verifiers, rewards, group advantages) sees all `Answer`s of this process to an update before totals are
taken. It returns them with `weight` (0 leaves one out) and `extras` (numbers by name, which become
`Batch.extras[name]`, [sequences]). Answers with equal `asked.sequence` and `asked.group` form a group; `texts` decodes
them. With `log_probabilities=True` there is `Batch.extras["old_log_probabilities"]`, [supervised]: by the same forward
code as the loss, on the same micro-batch, so that without dropout all ratios are exactly 1 when an update begins.
"""

from lightning_modules.sampling.answer_writer import AnswerWriter, Request
from lightning_modules.sampling.answers import Answer, Asked, texts
from lightning_modules.sampling.batches import SampledFigures
from lightning_modules.sampling.own_answers import OwnAnswers
from lightning_modules.sampling.replay import Replay
from lightning_modules.sampling.sampled_updates import Judge, SampledUpdates
from lightning_modules.sampling.sampling import Sampling
from lightning_modules.sampling.served_answers import ServedAnswers
from lightning_modules.sampling.share import AdaptiveShare, FixedShare, StudentShare

__all__ = [
    "AdaptiveShare",
    "Answer",
    "AnswerWriter",
    "Asked",
    "FixedShare",
    "Judge",
    "OwnAnswers",
    "Replay",
    "Request",
    "SampledFigures",
    "SampledUpdates",
    "Sampling",
    "ServedAnswers",
    "StudentShare",
    "texts",
]
