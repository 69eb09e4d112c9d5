"""How the student's own answers are sampled during training."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Literal

from lessons.errors import ConfigError
from lightning_modules.sampling.answer_writer import AnswerWriter, Request
from lightning_modules.sampling.answers import Asked
from lightning_modules.sampling.own_answers import OwnAnswers
from lightning_modules.sampling.replay import Replay
from students.decoding import Generation, stream

__all__ = ["Sampling"]


class Sampling:
    """How answers are sampled during training, and by whom.

    The k-th answer to a prompt at an update depends on seed, update, prompt and k, and on the weights; not on the
    number of micro-batches, processes and workers, nor on what was sampled before.

    Args:
        max_new_tokens: Longest answer in tokens, the end-of-turn token included. What runs into it has no end to learn.
        temperature: The student writes from softmax(logits / temperature); 1 is the student as it is, 0 its most
            probable token every time.
        top_p: Samples only from the most probable tokens that together reach this probability, in (0, 1].
        samples: Answers to every prompt.
        truncated: What happens to answers that ran into their limit: "keep" trains on the tokens that are there,
            "leave_out" does not. Leaving them out favours prompts with short answers.
        batch_size: Prompts generated together. Lower it when memory runs out.
        seed: Seed of sampling.
        writer: Who writes; None for the student in the run.
        replay: Keeps answers and uses them again; None has every answer written anew.
    """

    def __init__(
        self,
        max_new_tokens: int = 256,
        temperature: float = 1.0,
        top_p: float = 1.0,
        samples: int = 1,
        truncated: Literal["keep", "leave_out"] = "keep",
        batch_size: int = 64,
        seed: int = 0,
        writer: AnswerWriter | None = None,
        replay: Replay | None = None,
    ) -> None:
        self.max_new_tokens = max_new_tokens
        self.temperature = temperature
        self.top_p = top_p
        self.samples = samples
        self.truncated = truncated
        self.batch_size = batch_size
        self.seed = seed
        self.writer = writer
        self.replay = replay

    def check(self) -> None:
        """Refuse settings out of range.

        Raises:
            ConfigError: One is.
        """
        self.generation.check()
        if self.samples < 1:
            raise ConfigError(
                f"Sampling got samples = {self.samples}; allowed is 1 or more answers to a prompt. Correct `samples`."
            )
        if self.samples > 1 and self.temperature == 0:
            raise ConfigError(
                f"Sampling got samples = {self.samples} at temperature 0, where all of them would be the same. Allowed "
                "is one, or a temperature above 0. Raise `temperature`, or set `samples` to 1."
            )
        self.author.check()
        if self.replay is not None:
            self.replay.check()

    @cached_property
    def generation(self) -> Generation:
        """The same in the words of `students.generation`."""
        return Generation(self.max_new_tokens, self.temperature, self.top_p, self.batch_size, self.seed)

    @cached_property
    def author(self) -> AnswerWriter:
        """Who writes."""
        return self.writer if self.writer is not None else OwnAnswers()

    @property
    def unbiased(self) -> bool:
        """Whether answers come from the student as it is, as policy gradients take for granted."""
        return self.temperature == 1 and self.top_p == 1 and self.replay is None and self.author.fresh

    def request(self, asked: Sequence[Asked], update: int) -> Request:
        """Return what to ask the writer."""
        uniforms = [stream(self.name(want, update), self.max_new_tokens) for want in asked]
        return Request(asked, self.generation, uniforms, update)

    def name(self, asked: Asked, update: int) -> bytes:
        """Return what the random numbers of an answer are named by."""
        return b"answer/%d/%d/%d/%d" % (self.seed, update, asked.sequence, asked.copy)

    def describe(self) -> str:
        """Return the settings in words, for the log."""
        how = "the most probable tokens" if self.temperature == 0 else f"sampled at temperature {self.temperature:g}"
        most = "" if self.top_p == 1 else f" and top_p {self.top_p:g}"
        whose = "by the student" if self.writer is None else f"from {type(self.writer).__name__}"
        again = "" if self.replay is None else ", some of them replayed"
        return f"answers of up to {self.max_new_tokens} tokens, {how}{most}, {whose}{again}"
