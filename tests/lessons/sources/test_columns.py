from __future__ import annotations

import datetime
from typing import Any

import pytest

from lessons.errors import DataError
from lessons.records import Message
from lessons.sources.columns import ColumnMap, lookup

ROW = {"question": "How many?", "answer": 450.0, "meta": {"level": "Level 3", "tags": ["a"]}, "a.b": 1}


def test_the_default_mapping() -> None:
    prompt = ColumnMap().prompt(ROW, "f:1", "f:0")
    assert (prompt.id, prompt.question, prompt.reference) == ("f:0", "How many?", "450")


def test_every_field() -> None:
    row = {**ROW, "key": 7, "kind": "sum", "options": ["yes", 2], "day": datetime.date(2026, 1, 2)}
    columns = ColumnMap(
        id="key", choices="options", topic="kind", difficulty="meta.level", metadata=["meta.tags", "day", "a.b"],
        system="Be brief.", reference_is="index", reference="a.b",
    )  # fmt: skip
    prompt = columns.prompt(row, "f:1", "f:0")
    assert prompt.messages == (Message("system", "Be brief."), Message("user", "How many?"))
    assert (prompt.id, prompt.choices, prompt.reference, prompt.topic) == ("7", ("yes", "2"), "2", "sum")
    assert prompt.difficulty == 3.0
    assert prompt.metadata == {"meta.tags": ["a"], "day": "2026-01-02", "a.b": 1}


@pytest.mark.parametrize(
    ("value", "reference"),
    [(None, None), (float("nan"), None), ("", None), (3.5, "3.5"), (7, "7"), ({"a": 1}, '{"a": 1}'), (" x ", "x")],
)
def test_references_become_text(value: Any, reference: str | None) -> None:
    assert ColumnMap().prompt({"question": "q", "answer": value}, "f:1", "x").reference == reference


def test_only_the_end_of_a_reference_can_count() -> None:
    columns = ColumnMap(reference_after="####")
    assert columns.prompt({"question": "q", "answer": "1+1\n#### 2"}, "f:1", "x").reference == "2"
    with pytest.raises(DataError, match=r"f:1: the reference '2' does not contain '####'. .*reference_after to null"):
        columns.prompt({"question": "q", "answer": "2"}, "f:1", "x")


def test_a_conversation_ends_with_the_user() -> None:
    said = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
    columns = ColumnMap(messages="chat", reference=None)
    assert columns.prompt({"chat": said}, "f:1", "x").messages == (Message("user", "a"),)


@pytest.mark.parametrize(
    "chat", [[], "hello", [{"role": "system", "content": "a"}], [{"role": "tool", "content": "a"}], [1]]
)
def test_what_is_no_conversation(chat: Any) -> None:
    with pytest.raises(DataError, match=r"f:1: column 'chat' holds .*a list of \{role, content\}.*columns.messages"):
        ColumnMap(messages="chat", reference=None).prompt({"chat": chat}, "f:1", "x")


def test_two_system_messages() -> None:
    said = [{"role": "system", "content": "A"}, {"role": "user", "content": "b"}]
    with pytest.raises(
        DataError, match=r"f:1: .*a system message of its own \('A'\), and columns.system gives another"
    ):
        ColumnMap(messages="chat", reference=None, system="B").prompt({"chat": said}, "f:1", "x")


def test_choices_from_several_columns_or_from_text() -> None:
    row = {"question": "q", "answer": "b", "one": "a", "two": "b", "list": '["a", "b"]', "bad": "a|b", "none": None}
    assert ColumnMap(choices=["one", "two"]).prompt(row, "f:1", "x").choices == ("a", "b")
    assert ColumnMap(choices="list").prompt(row, "f:1", "x").choices == ("a", "b")
    assert ColumnMap(choices="none").prompt(row, "f:1", "x").choices == ()
    with pytest.raises(DataError, match=r"f:1: the choices in column 'bad' are 'a\|b'; a list is allowed.*option_a"):
        ColumnMap(choices="bad").prompt(row, "f:1", "x")


@pytest.mark.parametrize("answer", ["2", "-1", "b", "\u00b2"])
def test_a_reference_that_is_no_position(answer: str) -> None:
    row = {"question": "q", "answer": answer, "list": ["a", "b"]}
    with pytest.raises(DataError, match=r"f:1: the reference .* is no position in the choices; 0 to 1 is allowed"):
        ColumnMap(choices="list", reference_is="index").prompt(row, "f:1", "x")


def test_a_missing_column_names_those_there_are_and_the_nearest() -> None:
    with pytest.raises(
        DataError, match=r"^f:1: no column 'qestion'; there are question, answer, meta, meta.level, .*"
    ) as caught:
        ColumnMap(question="qestion").prompt(ROW, "f:1", "x")
    assert "Did you mean 'question'?" in str(caught.value)
    assert "set that field to null" in str(caught.value)
    with pytest.raises(DataError, match=r"Did you mean 'meta.level'"):
        lookup(ROW, "meta.levels", "f:1")


@pytest.mark.parametrize("question", [None, "", "  "])
def test_an_empty_question(question: str | None) -> None:
    with pytest.raises(DataError, match=r"f:1: the question in column 'question' is empty \(.*leave such rows out"):
        ColumnMap().prompt({"question": question, "answer": "1"}, "f:1", "x")


@pytest.mark.parametrize("value", ["hard", "1 or 2", float("inf"), True, [1]])
def test_a_difficulty_that_is_no_number(value: Any) -> None:
    with pytest.raises(
        DataError, match=r"f:1: the difficulty is .*; a number, or text with one number in it, is allowed"
    ):
        ColumnMap(difficulty="d").prompt({"question": "q", "answer": "1", "d": value}, "f:1", "x")
