"""Answers from a server that holds a copy of the student."""

from __future__ import annotations

import logging
import os
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import TYPE_CHECKING, Any

import torch

from lessons.errors import ConfigError, MissingDependency, MissingSecret
from lightning_modules.sampling.answer_writer import AnswerWriter, Request
from students.ranks import Ranks
from students.student import Student

if TYPE_CHECKING:
    from openai import OpenAI

__all__ = ["ServedAnswers"]

log = logging.getLogger(__name__)

NEUTRAL = {"return_token_ids": True, "top_k": -1, "min_p": 0.0, "repetition_penalty": 1.0}
"""Fields beyond OpenAI's: servers otherwise sample as a model's generation_config.json says, which is not as it is."""


class ServedAnswers(AnswerWriter):
    """An OpenAI-compatible server writes (vLLM, SGLang, llama.cpp ...), with the weights it was last given.

    It is asked through `/completions` with the ids of the prompt. What is honest to say of it:

    - It knows nothing of the training. With `weights_folder` the student is written there as an ordinary Hugging Face
      folder before the first update and then every `every_updates`, and `reload_url` is told where; without, or in
      between, answers are those of an older student, and the log says of which.
    - Ids are taken from the reply (`token_ids`, which vLLM gives when asked with `return_token_ids`). Servers that give
      text only have it tokenised again, which may cut words otherwise than they were sampled.
    - Its numbers are not ours: a resumed run gets other answers, however good the server's seeds are, and starts by
      giving it the weights anew.

    Args:
        base_url: Address of the server, ending in /v1.
        model: Name that the server knows the student by.
        weights_folder: Folder that the server can read and the student is written to; None never gives it new weights.
        reload_url: Address that is sent {"model_path": folder} when new weights lie there, such as SGLang's
            http://host:port/update_weights_from_disk. It must answer when they are in use.
        every_updates: Updates between two times that it gets new weights.
        api_key_variable: Name of the environment variable that holds the key; None for servers that want none.
        calls_at_once: Prompts asked about at the same time.
        timeout_seconds: How long one answer may take.
        retries: How often a call that failed for a passing reason is tried again.
        extra_body: Fields of the request that go over those for neutral sampling by vLLM and SGLang, for servers that
            know others.
    """

    def __init__(
        self,
        base_url: str,
        model: str,
        weights_folder: str | None = None,
        reload_url: str | None = None,
        every_updates: int = 1,
        api_key_variable: str | None = None,
        calls_at_once: int = 32,
        timeout_seconds: float = 600.0,
        retries: int = 4,
        extra_body: dict[str, Any] | None = None,
    ) -> None:
        self.base_url = base_url
        self.model = model
        self.weights_folder = weights_folder
        self.reload_url = reload_url
        self.every_updates = every_updates
        self.api_key_variable = api_key_variable
        self.calls_at_once = calls_at_once
        self.timeout_seconds = timeout_seconds
        self.retries = retries
        self.extra_body = extra_body
        self.given_at: int | None = None
        """The update whose student the server has; None where nobody told it."""
        self.tells_ids = True

    @property
    def fresh(self) -> bool:
        """Whether the server has the student's newest weights at every update."""
        return self.weights_folder is not None and self.every_updates == 1

    def check(self) -> None:
        """Refuse settings that cannot work.

        Raises:
            ConfigError: They cannot.
        """
        if (self.weights_folder is None) != (self.reload_url is None):
            raise ConfigError(
                f"ServedAnswers got weights_folder {self.weights_folder!r} and reload_url {self.reload_url!r}. A "
                "server gets new weights with both, or keeps those it has with neither. Give the other one, or leave "
                "out this one."
            )
        if min(self.every_updates, self.calls_at_once) < 1 or self.retries < 0:
            raise ConfigError(
                f"ServedAnswers got every_updates = {self.every_updates}, calls_at_once = {self.calls_at_once} and "
                f"retries = {self.retries}. Allowed is at least 1, 1 and 0. Correct them."
            )

    def write(self, student: Student, request: Request) -> list[list[int]]:
        """Return what the server writes to every prompt."""
        self.refresh(student, request.update)
        with ThreadPoolExecutor(self.calls_at_once) as pool:
            return list(pool.map(lambda place: self.ask(student, request, place), range(len(request.asked))))

    def refresh(self, student: Student, update: int) -> None:
        """Give the server the student's weights where it is time; all processes wait until it has them."""
        due = self.given_at is None or update - self.given_at >= self.every_updates
        if self.weights_folder is None or self.reload_url is None:
            if self.given_at is None:
                log.warning("The server at %s keeps the weights it has: its answers grow older", self.base_url)
                self.given_at = update
            return
        if not due:
            log.info("Update %d is answered by the student of update %d", update, self.given_at)
            return
        ranks = Ranks.here()
        if ranks.rank == 0:
            student.export(self.weights_folder, {"update": update}, replace_ours=True)
            self.client.post(self.reload_url, cast_to=object, body={"model_path": self.weights_folder})
        if ranks.world_size > 1:
            torch.distributed.barrier()
        self.given_at = update

    def ask(self, student: Student, request: Request, place: int) -> list[int]:
        """Return the tokens the server writes to one prompt.

        Raises:
            ConfigError: It wrote ids that the student does not know: it serves another model.
        """
        prompt, settings, encoder = request.asked[place].prompt.tolist(), request.generation, student.encoder
        room = (student.context_length or 2**62) - len(prompt)
        reply: Any = self.client.completions.create(
            model=self.model,
            prompt=prompt,
            max_tokens=min(settings.max_new_tokens, room),
            temperature=settings.temperature,
            top_p=settings.top_p,
            seed=int(request.uniforms[place][0] * 2**31),
            extra_body={**NEUTRAL, "stop_token_ids": encoder.stop_ids, **(self.extra_body or {})},
        )
        choice = reply.choices[0]
        tokens = self.tokens_of(student, choice)
        if tokens and max(tokens) >= encoder.vocabulary_size:
            raise ConfigError(
                f"The server at {self.base_url} wrote the token id {max(tokens)}; the student's tokenizer knows ids "
                f"below {encoder.vocabulary_size}. It serves another model. Correct `model`, or start it with the "
                "student."
            )
        ended = choice.finish_reason == "stop" and (not tokens or tokens[-1] not in encoder.stop_ids)
        return [*tokens, encoder.end_of_turn] if ended or not tokens else tokens

    def tokens_of(self, student: Student, choice: Any) -> list[int]:
        """Return the ids in a reply, or those of its text."""
        ids = getattr(choice, "token_ids", None)
        if ids is not None:
            return list(map(int, ids))
        if self.tells_ids:
            self.tells_ids = False
            log.warning("The server at %s gives no token ids: its texts are tokenised again", self.base_url)
        return student.encoder.tokenize([choice.text])[0]

    @cached_property
    def client(self) -> OpenAI:
        """The connection.

        Raises:
            MissingDependency: The package `openai` is not installed.
            MissingSecret: The environment variable is not set.
        """
        try:
            from openai import OpenAI
        except ImportError as error:
            raise MissingDependency(
                "Answers from a server need the package openai, which is not installed. Install it with: "
                "pip install 'tutelage[openai]'. Or leave out sampling.writer: then the student in the run writes."
            ) from error
        key = os.environ.get(self.api_key_variable) if self.api_key_variable else "none"
        if not key:
            raise MissingSecret(
                f"The environment variable {self.api_key_variable} is not set; sampling.writer is to read the server's "
                "key from it. Export it and run again, or set api_key_variable to null for servers that want no key."
            )
        return OpenAI(api_key=key, base_url=self.base_url, timeout=self.timeout_seconds, max_retries=self.retries)
