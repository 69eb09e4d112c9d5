"""Where a text's final answer is: after the last line that starts with "Answer:", else the whole text."""

from __future__ import annotations

import re

__all__ = ["final_answer", "join_answer", "split_answer"]

MARKER = re.compile(
    r"^[ \t]*(?:[#>]+[ \t]*)?(?P<mark>[*_]{0,3})(?:final[ \t]+)?answer"
    r"(?P<end>[*_]{1,3}[ \t]*:|[ \t]*:[*_]{1,3}(?=\s|$)|[ \t]*:)",
    re.IGNORECASE | re.MULTILINE,
)  # models like to write "**Answer:** 4", "**Answer**: 4" and "Final answer: 4": all are one marker


def final_answer(text: str) -> str:
    """Return the final answer of a text: what follows its last "Answer:" marker, else the whole text.

    Surrounding white space and one full stop at the end are removed.

    >>> final_answer("3 apples and 4 more.\\nAnswer: 7.")
    '7'
    >>> final_answer(" Paris. ")
    'Paris'
    """
    answer = split_answer(text)[1]
    return tidy(text) if answer is None else answer


def split_answer(text: str) -> tuple[str, str | None]:
    """Split a text into its rationale and its final answer; the answer is None when no line starts with "Answer:".

    >>> split_answer("3 + 4 = 7\\nAnswer: 7")
    ('3 + 4 = 7', '7')
    >>> split_answer("It is 7.")
    ('It is 7.', None)
    """
    markers = list(MARKER.finditer(text))
    if not markers:
        return text.strip(), None
    last = markers[-1]
    return text[: last.start()].strip(), unwrap(text[last.end() :], last)


def join_answer(text: str, answer: str | None) -> str:
    """Put a rationale and its final answer together, as `split_answer` takes them apart.

    >>> join_answer("3 + 4 = 7", "7")
    '3 + 4 = 7\\nAnswer: 7'
    >>> join_answer("It is 7.", None)
    'It is 7.'
    """
    if answer is None:
        return text
    return f"{text}\nAnswer: {answer}" if text else f"Answer: {answer}"


def unwrap(answer: str, marker: re.Match[str]) -> str:
    """Tidy an answer and drop the emphasis that its marker opened and did not close ("**Answer: 4**")."""
    answer, mark = answer.strip(), marker["mark"]
    if mark and mark not in marker["end"]:
        answer = answer.removesuffix(mark)
    return tidy(answer)


def tidy(answer: str) -> str:
    """Remove surrounding white space and one full stop at the end (an ellipsis stays)."""
    answer = answer.strip()
    if answer.endswith(".") and not answer.endswith(".."):
        answer = answer[:-1].rstrip()
    return answer
