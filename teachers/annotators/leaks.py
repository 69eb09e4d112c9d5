"""The leak check: does a hint, a feedback or a critique give the answer away?"""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction

from lessons.answers import final_answer
from lessons.graders.choice import LETTERS, named_option
from lessons.graders.reading import Quantity, plain_notation, quantities
from lessons.records import Prompt
from teachers.annotators.number_words import spelled_quantities

__all__ = ["copied", "leak"]

TOLERANCE = Fraction(1, 10**6)
CHARACTERS_AT_ONCE = 10_000  # readers of numbers look at the end of longer texts only
CONTEXT = 80

CHUNK = re.compile(rf".{{1,{CHARACTERS_AT_ONCE}}}(?:\s|\Z)|.{{1,{CHARACTERS_AT_ONCE}}}", re.DOTALL)
STATED = re.compile(
    r"(?:\b(?:answer|result|solution|total|sum|value|outcome|option|choice)\b[^.!?\n]{0,24}?(?:\bis\b|\bare\b|\bwas\b|\bbe\b|:|=)"
    r"|=|\b(?:equals?|equal to|gives?|makes?|yields?|gets?|becomes?|comes to|leaves)\b)"
    r"\W{0,6}(?:(?:exactly|just|simply|only|about)\W{1,3})?\Z",
    re.IGNORECASE,
)
LABELLED = re.compile(
    r"\b(?:steps?|lines?|parts?|equations?|eq\.?|questions?|problems?|exercises?|points?|rows?|items?|cases?|tables?|figures?|"
    r"attempts?|paragraphs?|sentences?|rules?)[ ]*(?:no\.?|number)?[ ]*(?:\d+[ ]*(?:,|and|or|to|-)[ ]*)*[#(]?\Z",
    re.IGNORECASE,
)
BULLET = re.compile(r"^[ \t]*[-+*][ \t]+", re.MULTILINE)  # "- 5" at the start of a line is no negative number
LIST_MARK_BEFORE = re.compile(r"(?:\A|\n)[ \t>*#(\[-]*\Z")
LIST_MARK_AFTER = re.compile(r"[.):\]]+[ \t]+\S")
NO_VALUE_AFTER = re.compile(r"(?:st|nd|rd|th|[xyzn])\b", re.IGNORECASE)
OPERATOR_BEFORE = re.compile(
    r"(?:[\w)\]}][ ]*(?:[+*\u00d7\u00f7\u00b7^/]|\\times|\\cdot|\\div)|(?:\d|[)\]}]|\b[a-z])[ ]*-)[ ]*\Z"
)
OPERATOR_AFTER = re.compile(r"[ ]*(?:[+*\u00d7\u00f7\u00b7^]|\\times|\\cdot|\\div|x[ ]*\d|[-/][ ]*[\d(])")
SYMBOLIC = re.compile(r"[\\^=+*/{}<>|_]|\A(?:(?!\w\w).)*\Z", re.DOTALL)
EVERYDAY = {
    "and", "correct", "even", "false", "incorrect", "invalid", "left", "less", "more", "none", "not", "odd", "right",
    "same", "true", "valid", "wrong", "yes",
}  # fmt: skip
WORD = re.compile(r"\w+")


def leak(text: str, prompt: Prompt) -> str | None:
    """Return how a text gives the prompt's reference answer away; None when it does not, or there is no reference.

    The rule. The reference is looked for as a whole: a number as a number ("0.5", "1/2", "50%" and "one half" are one;
    5 is not in 15, 5.2 or x^5), an option of a multiple-choice question by its letter ("(B)", "option B") or its words,
    anything else by its words in their order, or by its symbols when it is a formula. Anywhere in the text counts, but
    five things count only where they are stated as the answer ("the answer is", "=", "gives" and the like): what the
    question itself shows, small numbers in words and common fractions ("the two sides", "half of it"), everyday words
    ("yes", "no", "true"), and single letters. Numbers of steps, lines and lists, ordinals, coefficients ("5x") and
    terms of an unfinished calculation ("5 + 2") never count. A text that names every option gives none of them away.

    >>> from lessons.records import Message
    >>> sums = Prompt("p", (Message("user", "What is 2 + 3?"),), reference="5")
    >>> leak("Count on from 3. Step 5 of your work, 15 - 5.2, is not needed.", sums)
    >>> leak("You should have got 5.", sums)
    "it says 'You should have got 5.'"
    """
    wanted = final_answer((prompt.reference or "").rpartition("####")[2])
    if not wanted:
        return None
    shown = "\n".join(message.content for message in prompt.messages)
    right = named_option(wanted, prompt.choices) if prompt.choices else None
    for chunk in CHUNK.findall(plain_notation(BULLET.sub(lambda mark: " " * len(mark[0]), text))):
        if right is None:
            place = first_place(chunk, wanted, shown)
        else:
            places = [place_of_option(chunk, k, prompt.choices, shown) for k in range(len(prompt.choices))]
            place = None if None not in places else places[right]
        if place is not None:
            return f"it says {excerpt(chunk, place)!r}"
    return None


def copied(text: str, secret: str, words: int = 8) -> str | None:
    """Return the first run of `words` words that a text shares with a secret text; None when there is none.

    >>> copied("first add the two small ones", "Then add the two small ones again", 4)
    'add the two small'
    """
    theirs, ours = (WORD.findall(side.casefold()) for side in (secret, text))
    runs = {tuple(theirs[k : k + words]) for k in range(len(theirs) - words + 1)}
    return next((" ".join(ours[k : k + words]) for k in range(len(ours)) if tuple(ours[k : k + words]) in runs), None)


def first_place(text: str, wanted: str, shown: str) -> int | None:
    """Return where a text gives an answer away; None where it does not."""
    number = as_number(wanted)
    places = number_places(text, number, shown) if number is not None else word_places(text, wanted, shown)
    return next(places, None)


def as_number(wanted: str) -> Quantity | None:
    """Return the number that a short reference is, a unit of up to two words aside ("$5", "5 red apples", "x = 5")."""
    found = quantities(wanted) or spelled_quantities(wanted)
    if len(found) != 1:
        return None
    plain = plain_notation(wanted)
    before, after = plain[: found[0].start], plain[found[0].start + len(found[0].text) :]
    bare_before = re.fullmatch(r"\s*(?:\w+\s*=\s*)?[($\\]*", before)
    return found[0] if bare_before and re.fullmatch(r"[)$\\]*(?:\s*[^\s\d^+*=]+){0,2}\s*", after) else None


def number_places(text: str, wanted: Quantity, shown: str) -> Iterator[int]:
    """Yield where a text holds a number."""
    in_question = any(q.equals(wanted, TOLERANCE) for q in quantities(shown) + spelled_quantities(shown))
    for quantity in quantities(text):
        before, after = around(text, quantity.start, quantity.start + len(quantity.text))
        counts = quantity.equals(wanted, TOLERANCE) and is_result(quantity, before, after)
        if counts and (not in_question or STATED.search(before)):
            yield quantity.start
    for quantity in spelled_quantities(text):
        if quantity.equals(wanted, TOLERANCE):
            before, _ = around(text, quantity.start, quantity.start + len(quantity.text))
            everyday = in_question or quantity.value <= 12
            if not LABELLED.search(before) and (not everyday or STATED.search(before)):
                yield quantity.start


def is_result(quantity: Quantity, before: str, after: str) -> bool:
    """Whether a number stands for itself: it is no step number, ordinal, coefficient or term of a calculation."""
    if "/" in quantity.text and quantity.value.denominator == 1:  # "10/2" is a calculation that is still to be done
        return False
    if LIST_MARK_BEFORE.search(before) and LIST_MARK_AFTER.match(after):
        return False
    if OPERATOR_BEFORE.search(before) or OPERATOR_AFTER.match(after) or NO_VALUE_AFTER.match(after):
        return False
    return not LABELLED.search(before)


def word_places(text: str, wanted: str, shown: str) -> Iterator[int]:
    """Yield where a text holds the words, or the symbols, of an answer."""
    if len(wanted) == 1 and (named := letter_place(text, wanted)) is not None:
        yield named
    pattern = pattern_of(wanted)
    everyday = bool(pattern.search(plain_notation(shown))) or is_everyday(wanted)
    for match in pattern.finditer(text):
        if not everyday or STATED.search(around(text, *match.span())[0]):
            yield match.start()


def is_everyday(wanted: str) -> bool:
    """Whether an answer is a letter, or words that many texts hold by chance."""
    if SYMBOLIC.search(wanted):
        return len(wanted) == 1
    return all(len(word) < 3 or word in EVERYDAY for word in WORD.findall(wanted.casefold()))


def pattern_of(wanted: str) -> re.Pattern[str]:
    """Return what finds an answer: its words in their order, or its symbols whatever the spaces between them."""
    wanted = plain_notation(wanted).strip()
    if SYMBOLIC.search(wanted):
        symbols = [re.escape(symbol) for symbol in wanted if not symbol.isspace() and symbol != "$"]
        return re.compile(r"(?<![\w.^])" + r"\s*".join(symbols) + r"(?![\w^]|\.\d)")
    words = [re.escape(word) for word in WORD.findall(wanted)]
    return re.compile(r"(?<!\w)" + r"\W+".join(words) + r"(?!\w)", re.IGNORECASE)


def place_of_option(text: str, position: int, choices: tuple[str, ...], shown: str) -> int | None:
    """Return where a text names an option by its letter or its words."""
    named = letter_place(text, LETTERS[position])
    if named is not None or not choices[position].strip():
        return named
    return first_place(text, choices[position], shown)


def letter_place(text: str, letter: str) -> int | None:
    """Return where a text names an option by its letter."""
    letter = re.escape(letter)
    named = re.search(
        rf"[(\[]{letter}[)\]]|(?<!\w){letter}\)|"
        rf"\b(?i:option|choice|answer)(?:[ ]+is)?[ ]*:?[ ]*[*_]{{0,2}}{letter}(?!\w)(?!['\u2019]|[ ][a-z])",
        text,
    )
    return named.start() if named else None


def around(text: str, start: int, end: int) -> tuple[str, str]:
    """Return what stands directly before and after a place."""
    return text[max(0, start - CONTEXT) : start], text[end : end + CONTEXT]


def excerpt(text: str, place: int) -> str:
    """Return the words around a place."""
    start, end = max(0, place - 40), place + 40
    words = text[start:end].split()
    return " ".join(words[1 if start else 0 :][: -1 if end < len(text) and len(words) > 2 else None])
