"""Right means the same option of a multiple-choice question, named by its letter or its words."""

from __future__ import annotations

import re

from lessons.answers import final_answer
from lessons.errors import DataError
from lessons.graders.reading import folded
from lessons.graders.reference import reference_of, unusable_reference
from lessons.grading import Grader
from lessons.records import Grade, Prompt

__all__ = ["ChoiceGrader"]

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
LEADING = re.compile(r"^[(\[]?(?P<letter>[A-Za-z])(?:[)\].:]+\s*(?P<rest>.*)|\s*)$", re.DOTALL)
STATED = re.compile(r"\b(?:answer|option|choice)(?:\s+is)?\s*:?\s*[(\[]?([A-Z])\b(?!')", re.IGNORECASE)
BRACKETED = re.compile(r"[(\[]([A-Z])[)\]]")
NAMED = re.compile(r"\b([A-Z])[)\]]")
MAX_CHARACTERS = 20_000


class ChoiceGrader(Grader):
    """Compares the option that the final answer names with the reference.

    "B", "(b)", "B) Paris" and "Paris" name the same option. An answer that names two options names none.
    The reference may be a letter or an option's words.
    """

    def grade(self, text: str, prompt: Prompt) -> Grade:
        """Mark the option named in `text`; see `Grader.grade`."""
        if not 2 <= len(prompt.choices) <= len(LETTERS):
            raise DataError(
                f"ChoiceGrader cannot grade the prompt {prompt.id!r}: it has {len(prompt.choices)} choices, and needs "
                f"2 to {len(LETTERS)}. Name the column(s) that hold them with columns.choices."
            )
        wanted = named_option(reference_of(prompt, self), prompt.choices)
        if wanted is None:
            allowed = ", ".join(repr(choice) for choice in prompt.choices)
            raise unusable_reference(
                prompt, self, f"a letter up to {LETTERS[len(prompt.choices) - 1]} or one of {allowed}",
                "If the column holds 0-based numbers, say columns.reference_is: index.",
            )  # fmt: skip
        given = option_in(final_answer(text[-MAX_CHARACTERS:]), prompt.choices)
        if given is None:
            return Grade(False, 0.0, None, self.name, "the answer does not name exactly one option")
        correct = given == wanted
        reason = None if correct else f"the reference is {LETTERS[wanted]}"
        return Grade(correct, float(correct), LETTERS[given], self.name, reason)


def named_option(answer: str, choices: tuple[str, ...]) -> int | None:
    """Return the option that a short answer names by its words, its letter or both; None when unclear."""
    options = [folded(choice) for choice in choices]
    if options.count(folded(answer)) == 1:
        return options.index(folded(answer))
    found = LEADING.match(bare(answer))
    if not found:
        return None
    position = LETTERS.index(found["letter"].upper())
    rest = folded(found["rest"] or "").rstrip(".")
    others = set(NAMED.findall(found["rest"] or "")) - {found["letter"].upper()}
    contradicts = bool(others) or (rest in options and options.index(rest) != position)
    return None if contradicts or position >= len(choices) else position


def option_in(answer: str, choices: tuple[str, ...]) -> int | None:
    """Return the one option that an answer names, however long it is; None when there is none, or more than one."""
    named = named_option(answer, choices)
    if named is not None or LEADING.match(bare(answer)):  # "B) London" contradicts itself, if B is Paris
        return named
    for pattern in (STATED, BRACKETED):
        letters = {LETTERS.index(letter.upper()) for letter in pattern.findall(answer)}
        if letters:
            position = letters.pop()
            return position if not letters and position < len(choices) else None
    words = folded(answer)
    found = {k for k, choice in enumerate(choices) if contains_words(words, folded(choice))}
    # "New York City" also contains the option "New York": the longer one is meant
    found -= {k for k in found for j in found if k != j and contains_words(folded(choices[j]), folded(choices[k]))}
    return found.pop() if len(found) == 1 else None


def bare(answer: str) -> str:
    """Return an answer without emphasis around it."""
    return answer.strip().strip("*_ ").strip()


def contains_words(text: str, words: str) -> bool:
    """Whether `words` stands in `text` as whole words."""
    return bool(words) and re.search(rf"(?<!\w){re.escape(words)}(?!\w)", text) is not None
