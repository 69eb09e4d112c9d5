"""Which column of a table is which field of a prompt."""

from __future__ import annotations

import difflib
import json
import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Literal

from lessons.errors import DataError
from lessons.graders.reading import quantities
from lessons.records import Message, Prompt

__all__ = ["ColumnMap", "lookup"]

Row = Mapping[str, Any]


@dataclass(frozen=True)
class ColumnMap:
    """Names the column of each field of a prompt; a dotted name ("meta.level") reaches into nested objects.

    A column that is named must be there in every row; null (an empty cell in CSV) says that one row has no value.

    Args:
        id: Column of the prompt's id; None numbers the rows ("train:0", "train:1" ... after the file's name).
        question: Column of the question, asked as one user message; ignored where `messages` is given.
        messages: Column of a whole conversation, a list of {role, content}; a closing assistant turn is left out.
        reference: Column of the right answer; None when there is none.
        reference_is: "answer": the column holds the answer itself. "index": it holds a 0-based position in the choices.
        reference_after: Only what follows the last occurrence of this text counts as the reference ("####").
        choices: Column of the list of options, or the columns of each option.
        topic: Column of the group label for reports.
        difficulty: Column of the difficulty, a number; of text like "Level 3" the number is taken.
        metadata: Columns to keep as they are.
        system: Text of a system message to put before every question (not a column).
    """

    id: str | None = None
    question: str = "question"
    messages: str | None = None
    reference: str | None = "answer"
    reference_is: Literal["answer", "index"] = "answer"
    reference_after: str | None = None
    choices: str | list[str] | None = None
    topic: str | None = None
    difficulty: str | None = None
    metadata: list[str] = field(default_factory=list)
    system: str | None = None

    def prompt(self, row: Row, place: str, fallback_id: str) -> Prompt:
        """Build the prompt of one row.

        Args:
            row: The row, by column.
            place: File and line of the row, for error messages.
            fallback_id: The id to give it when no column holds one.

        Raises:
            DataError: A column is missing or holds something unusable.
        """
        choices = self.options(row, place)
        name = fallback_id if self.id is None else as_text(self.required(row, self.id, "id", place))
        return Prompt(
            id=name,
            messages=self.conversation(row, place),
            reference=self.right_answer(row, choices, place),
            choices=choices,
            topic=None if self.topic is None else text_or_none(lookup(row, self.topic, place)),
            difficulty=None if self.difficulty is None else number(lookup(row, self.difficulty, place), place),
            metadata={name: plain(lookup(row, name, place)) for name in self.metadata},
        )

    def conversation(self, row: Row, place: str) -> tuple[Message, ...]:
        """Return the messages of a row, the system message first."""
        if self.messages is None:
            question = as_text(self.required(row, self.question, "question", place))
            said: tuple[Message, ...] = (Message("user", question),)
        else:
            said = conversation_from(lookup(row, self.messages, place), self.messages, place)
        if self.system is None:
            return said
        if said[0].role == "system":
            raise DataError(
                f"{place}: the conversation has a system message of its own ({said[0].content[:60]!r}), and "
                f"columns.system gives another ({self.system[:60]!r}). Only one is allowed: set columns.system to null."
            )
        return (Message("system", self.system), *said)

    def right_answer(self, row: Row, choices: tuple[str, ...], place: str) -> str | None:
        """Return the reference of a row, or None."""
        value = None if self.reference is None else lookup(row, self.reference, place)
        text = text_or_none(value)
        if text is None:
            return None
        if self.reference_is == "index":
            if not text.isascii() or not text.isdigit() or int(text) >= len(choices):
                raise DataError(
                    f"{place}: the reference {text!r} is no position in the choices; 0 to {len(choices) - 1} is "
                    "allowed. Correct the row, or set columns.reference_is to answer."
                )
            return choices[int(text)]
        if self.reference_after is not None:
            before, found, text = text.rpartition(self.reference_after)
            if not found:
                raise DataError(
                    f"{place}: the reference {before or text!r} does not contain {self.reference_after!r}. "
                    "Correct the row, or set columns.reference_after to null."
                )
        return text.strip()

    def options(self, row: Row, place: str) -> tuple[str, ...]:
        """Return the choices of a row; none where the mapping names none."""
        if self.choices is None:
            return ()
        if isinstance(self.choices, list):
            return tuple(as_text(lookup(row, name, place)) for name in self.choices)
        value = lookup(row, self.choices, place)
        if value is None:
            return ()
        if isinstance(value, str):  # CSV has no lists: a cell may hold one as JSON
            with suppress(ValueError):
                value = json.loads(value)
        if not isinstance(value, list | tuple):
            raise DataError(
                f"{place}: the choices in column {self.choices!r} are {value!r}; a list is allowed (in CSV, as JSON: "
                '["yes", "no"]). Or name one column for each option: columns.choices: [option_a, option_b].'
            )
        return tuple(map(as_text, value))

    def required(self, row: Row, name: str, what: str, place: str) -> Any:
        """Return a value that must not be empty."""
        value = lookup(row, name, place)
        if value is None or (isinstance(value, str) and not value.strip()):
            raise DataError(
                f"{place}: the {what} in column {name!r} is empty ({value!r}); every row needs one. "
                "Fill it in, or leave such rows out with `where`."
            )
        return value


def lookup(row: Row, name: str, place: str) -> Any:
    """Return the value of a column, which may be nested ("meta.level").

    Raises:
        DataError: There is no such column; the message lists those there are and the nearest one.
    """
    if name in row:
        return row[name]
    value: Any = row
    for part in name.split("."):
        if not isinstance(value, Mapping) or part not in value:
            break
        value = value[part]
    else:
        return value
    known = list(column_names(row))
    near = difflib.get_close_matches(name, known, 1, cutoff=0.5)
    raise DataError(
        f"{place}: no column {name!r}; there are {', '.join(known) or 'none'}."
        + (f" Did you mean {near[0]!r}?" if near else "")
        + " Correct the column mapping (`columns`, `where`), or set that field to null where the data has none."
    )


def column_names(row: Row, prefix: str = "") -> list[str]:
    """Return the names of a row's columns, nested ones dotted."""
    names = []
    for name, value in row.items():
        names.append(f"{prefix}{name}")
        if isinstance(value, Mapping):
            names += column_names(value, f"{prefix}{name}.")
    return names


def conversation_from(value: Any, name: str, place: str) -> tuple[Message, ...]:
    """Return a column's list of {role, content} as messages that end with the user's."""
    roles = ("system", "user", "assistant")
    usable = isinstance(value, list | tuple) and all(
        isinstance(m, Mapping) and m.get("role") in roles and isinstance(m.get("content"), str) for m in value
    )
    said = tuple(Message(m["role"], m["content"]) for m in value) if usable else ()
    if said and said[-1].role == "assistant":
        said = said[:-1]
    if not said or said[-1].role != "user":
        raise DataError(
            f"{place}: column {name!r} holds {str(value)[:120]!r}; a list of {{role, content}} with the roles "
            "system, user and assistant, whose last question is the user's, is allowed. Correct the row or "
            "columns.messages."
        )
    return said


def as_text(value: Any) -> str:
    """Return a value as text: whole numbers without ".0", lists and objects as JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    return json.dumps(plain(value), ensure_ascii=False) if isinstance(value, list | dict | tuple) else str(value)


def text_or_none(value: Any) -> str | None:
    """Return a value as text, or None where it is null, NaN or empty."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    return as_text(value) or None


def number(value: Any, place: str) -> float | None:
    """Return a difficulty as a number; None where it is null."""
    if text_or_none(value) is None:
        return None
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return float(value)
    found = quantities(value) if isinstance(value, str) else []
    if len(found) != 1:
        raise DataError(
            f"{place}: the difficulty is {value!r}; a number, or text with one number in it, is allowed. "
            "Correct the row, or set columns.difficulty to another column or to null."
        )
    return float(found[0].value)


def plain(value: Any) -> Any:
    """Return a value as JSON knows it (dates and the like become text)."""
    return json.loads(json.dumps(value, default=str))
