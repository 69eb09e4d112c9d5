"""Shared by the tests of annotators: an asking that is answered by a function or by texts in turn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from lessons.grading import Grader
from lessons.records import Annotation, Message, Prompt
from teachers.annotators import Asking
from teachers.backend import Completion, Request, TeacherBackend
from teachers.calls.caller import Reply

PROMPT = Prompt("p", (Message("user", "What is 2+2?"),), reference="4", topic="sums")


@pytest.fixture
def answering() -> Callable[..., tuple[Asking, list[Request]]]:
    """Makes an asking and the list of the requests it gets.

    `reply` is a function of the request, or the texts of the replies in turn. `others` answer for other backends.
    """

    def make(
        reply: Callable[[Request], Any] | Sequence[Any],
        prompt: Prompt = PROMPT,
        earlier: Sequence[Annotation] = (),
        grader: Grader | None = None,
        others: Callable[[Request], Any] | None = None,
    ) -> tuple[Asking, list[Request]]:
        seen: list[Request] = []

        def asks(answer: Callable[[Request], Any]) -> Any:
            async def ask(request: Request) -> Reply:
                seen.append(request)
                said = answer(request)
                completion = said if isinstance(said, Completion) else Completion(said, "stop", 10, 5, "m")
                return Reply(completion, f"key{len(seen)}", 0.25, False)

            return ask

        texts = iter(()) if callable(reply) else iter(reply)
        first = Asking(
            prompt, asks(reply if callable(reply) else lambda request: next(texts)), "T", "m", grader, earlier
        )
        if others is None:
            return first, seen
        other = first._replace(ask=asks(others), teacher="S", model="s")
        return first._replace(through=through_to(other)), seen

    return make


def through_to(other: Asking) -> Callable[[TeacherBackend], Asking]:
    return lambda backend: other
