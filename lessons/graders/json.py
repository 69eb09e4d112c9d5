"""Right means the same JSON value."""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn

from lessons.answers import final_answer
from lessons.graders.reference import reference_of, unusable_reference
from lessons.grading import Grader
from lessons.records import Grade, Prompt

__all__ = ["JSONGrader"]

MAX_CHARACTERS = 100_000
MAX_STARTS = 50
FENCED = re.compile(r"```(?:json)?\s*\n(.*?)```", re.DOTALL | re.IGNORECASE)
ABSENT = object()


class JSONGrader(Grader):
    """Compares the JSON value in the final answer with the reference, which is JSON too.

    A fenced block or JSON within prose is found; of several, the last. Objects get partial credit: the share of the
    reference's keys whose values agree. The order of keys does not matter, that of lists does; 1 equals 1.0, not true.

    Args:
        keys: Compare only these keys of the object; None compares all of it, and keys too many are wrong.
        tolerance: The largest absolute difference of two numbers that still counts as equal.
    """

    def __init__(self, keys: list[str] | None = None, tolerance: float = 1e-9) -> None:
        self.keys = keys
        self.tolerance = tolerance

    def grade(self, text: str, prompt: Prompt) -> Grade:
        """Mark the JSON value in `text`; see `Grader.grade`."""
        wanted = parsed(reference_of(prompt, self))
        if wanted is ABSENT:
            raise unusable_reference(prompt, self, "JSON", "Correct it, or choose another grader.")
        given = find_json(final_answer(text[-MAX_CHARACTERS:]))
        if given is ABSENT:
            return Grade(False, 0.0, None, self.name, "no JSON in the answer")
        answer = json.dumps(given, ensure_ascii=False, sort_keys=True)
        try:
            wrong, total = self.compare(given, wanted)
        except RecursionError:
            return Grade(False, 0.0, answer, self.name, "nested too deep to compare")
        if not wrong:
            return Grade(True, 1.0, answer, self.name)
        return Grade(False, 1 - min(len(wrong), total) / total, answer, self.name, f"wrong: {', '.join(wrong)}")

    def compare(self, given: Any, wanted: Any) -> tuple[list[str], int]:
        """Return what differs (names of keys, or "the value") and the number of things compared."""
        if not isinstance(wanted, dict) or not isinstance(given, dict):
            return ([] if self.same(given, wanted) else ["the value"]), 1
        keys = list(wanted) if self.keys is None else self.keys
        wrong = [k for k in keys if k not in given or k not in wanted or not self.same(given[k], wanted[k])]
        if self.keys is None:
            wrong += [k for k in given if k not in wanted]
        return wrong, max(len(keys), 1)

    def same(self, given: Any, wanted: Any) -> bool:
        """Whether two JSON values are equal, numbers within the tolerance."""
        if isinstance(wanted, bool) or isinstance(given, bool):
            return given is wanted
        if isinstance(wanted, int | float) and isinstance(given, int | float):
            return given == wanted or abs(float_of(given) - float_of(wanted)) <= self.tolerance
        if isinstance(wanted, dict) and isinstance(given, dict):
            return given.keys() == wanted.keys() and all(self.same(given[k], wanted[k]) for k in wanted)
        if isinstance(wanted, list) and isinstance(given, list):
            return len(given) == len(wanted) and all(self.same(g, w) for g, w in zip(given, wanted, strict=True))
        return bool(given == wanted)


def find_json(text: str) -> Any:
    """Return the last JSON value in a text, or `ABSENT`."""
    for candidate in (text, *reversed(FENCED.findall(text))):
        value = parsed(candidate)
        if value is not ABSENT:
            return value
    found, position = ABSENT, 0
    for _ in range(MAX_STARTS):
        start = re.compile(r"[{\[]").search(text, position)
        if not start:
            break
        try:
            found, position = DECODER.raw_decode(text, start.start())
        except (ValueError, RecursionError):
            position = start.end()
    return found


def refuse(constant: str) -> NoReturn:
    """Refuse NaN and the infinities, which are not JSON."""
    raise ValueError(constant)


DECODER = json.JSONDecoder(parse_constant=refuse)


def parsed(text: str) -> Any:
    """Return the value of a JSON text, or `ABSENT` when it is none."""
    try:
        return DECODER.decode(text)
    except (ValueError, RecursionError):
        return ABSENT


def float_of(number: float) -> float:
    """Return a number as a float, infinite where it is too large for one."""
    try:
        return float(number)
    except OverflowError:
        return float("inf") if number > 0 else float("-inf")
