"""A teacher that is a function: for tests, dry runs, and prompts that a program can explain."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Callable
from typing import cast

from lessons.errors import ConfigError
from teachers.backend import JSON, Completion, FinishReason, Request, TeacherBackend, TokenLogprob

__all__ = ["ScriptedBackend"]


class ScriptedBackend(TeacherBackend):
    """Answers by calling a Python function.

    Args:
        function: What to call, as "module:name". It gets the `Request` and returns the answer's text; the same request
            and sample number should always get the same text. `request.metadata["prompt"]` is the prompt. Where
            `request.continuation` is a text to score, it returns the text's log-probability in place of an answer.
        version: Raise it when the function changes, so that stored answers are not taken for new ones.
        latency_seconds: Wait so long before each answer, to rehearse a slow teacher.
    """

    gives = frozenset({"text", "seed", "schema", "score"})

    def __init__(self, function: str, version: int = 1, latency_seconds: float = 0.0) -> None:
        self.function = function
        self.version = version
        self.latency_seconds = latency_seconds
        self.loaded: Callable[[Request], str | float] | None = None

    @property
    def identity(self) -> JSON:
        """The function and its version."""
        return {"provider": "scripted", "endpoint": "", "model": self.function, "version": self.version}

    def prepare(self) -> None:
        """Import the function.

        Raises:
            ConfigError: There is no such function.
        """
        if self.loaded is not None:
            return
        module, _, name = self.function.partition(":")
        try:
            found = getattr(importlib.import_module(module), name)
        except (ImportError, AttributeError, ValueError) as error:
            raise ConfigError(
                f'No function {self.function!r}: {error}. It must be given as "module:name" and be importable, '
                'for example "teachers.programs.addition:answer". Correct the name, or add its folder to PYTHONPATH.'
            ) from error
        if not callable(found):
            raise ConfigError(f"{self.function!r} is a {type(found).__name__}, not a function. Name a function.")
        self.loaded = cast("Callable[[Request], str | float]", found)

    async def send(self, request: Request) -> JSON:
        """Call the function."""
        self.prepare()
        function = cast("Callable[[Request], str | float]", self.loaded)
        if self.latency_seconds:
            await asyncio.sleep(self.latency_seconds)
        answer = function(request)
        words_read = sum(len(message.content.split()) for message in request.messages)
        if request.continuation is not None:
            scored = request.continuation
            return {
                "text": scored,
                "finish_reason": "stop",
                "words_read": words_read + len(scored.split()),
                "words_written": 0,
                "logprob": float(answer),
            }
        text = cast("str", answer)
        return {"text": text, "finish_reason": "stop", "words_read": words_read, "words_written": len(text.split())}

    def read(self, raw: JSON) -> Completion:
        """Read a stored answer; its tokens are words."""
        return Completion(
            text=raw["text"],
            finish_reason=cast("FinishReason", raw["finish_reason"]),
            input_tokens=raw["words_read"],
            output_tokens=raw["words_written"],
            model=self.function,
            logprobs=(TokenLogprob(raw["text"], raw["logprob"]),) if "logprob" in raw else None,
        )
