from __future__ import annotations

import asyncio

import pytest

from lessons.errors import ConfigError
from lessons.records import Message
from teachers import Request, ScriptedBackend


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
