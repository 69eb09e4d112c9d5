from __future__ import annotations

import asyncio

import pytest

from lessons.errors import ConfigError
from lessons.records import Message
from teachers import Request, ScriptedBackend
from teachers.backend import TokenLogprob


def test_the_function_answers() -> None:
    backend = ScriptedBackend("teachers.programs.addition:answer")
    completion = backend.read(asyncio.run(backend.send(Request((Message("user", "2+2=?"),)))))
    assert completion.text.endswith("Answer: 4")
    assert (completion.finish_reason, completion.input_tokens) == ("stop", 1)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("no_such_module:answer", "No function 'no_such_module:answer'"),
        ("teachers.programs.addition:no_such", "has no attribute 'no_such'"),
        ("teachers.programs.addition", 'must be given as "module:name"'),
        ("teachers.programs.addition:SLIPS_ONE_IN", "is a int, not a function"),
    ],
)
def test_what_is_no_function_is_refused(name: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        ScriptedBackend(name).prepare()


def test_a_new_version_is_another_teacher() -> None:
    assert ScriptedBackend("m:f").identity != ScriptedBackend("m:f", version=2).identity


def certain(request: Request) -> float:
    return -0.5


def test_a_function_may_score_a_given_text() -> None:
    backend = ScriptedBackend("m:f")
    backend.loaded = certain
    completion = backend.read(asyncio.run(backend.send(Request((Message("user", "2+2=?"),), continuation="It is 4"))))
    assert (completion.text, completion.input_tokens, completion.output_tokens) == ("It is 4", 4, 0)
    assert completion.logprobs == (TokenLogprob("It is 4", -0.5),)
