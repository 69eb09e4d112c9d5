from __future__ import annotations

import threading

import pytest

from lessons.errors import DataError
from lessons.graders.mathematical import MathGrader, plain_to_latex
from lessons.records import Grade, Message, Prompt


def grade(text: str, reference: str) -> Grade:
    return MathGrader().grade(text, Prompt("p", (Message("user", "?"),), reference))


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        ("0.5", "\\frac{1}{2}"),
        ("Thus $x$ is $\\frac12$", "1/2"),
        ("so \\boxed{\\sqrt{8}}.", "2\\sqrt{2}"),
        ("2*sqrt(2)", "\\sqrt{8}"),
        ("x**2 + 2*x + 1", "(x+1)^2"),
        ("Answer: x = 5", "5"),
        ("50%", "0.5"),
        ("{2, 1}", "\\{1, 2\\}"),
        ("pi/2", "\\frac{\\pi}{2}"),
        ("12 apples", "12"),
        ("yes", "yes"),
    ],
)
def test_right(text: str, reference: str) -> None:
    assert grade(text, reference).correct


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        ("2\\sqrt{2}", "2"),
        ("(2, 1)", "(1, 2)"),
        ("1/3", "0.3333"),
        ("x+1", "x+2"),
        ("no", "5"),
        ("\\int_0^1 x dx", "1/2"),
    ],
)
def test_wrong(text: str, reference: str) -> None:
    assert not grade(text, reference).correct


@pytest.mark.parametrize(
    "text",
    ["9^{9^{9^9}}", "9**9**9", "(9^9)^{999}", "100000!", "(x+y+z)^{100}", "$" + "(" * 200 + "1" + ")" * 200 + "$",
     "1+" * 5_000, "10^{10^{10^{10}}}!", "\\sum_{k=1}^{10^9} k", "{{2^{1000}}^{1000}}^{1000}"],
)  # fmt: skip
def test_answers_that_would_take_for_ever_come_back_wrong(text: str) -> None:
    assert not grade(text, "5").correct


def test_other_threads_can_grade() -> None:
    marks: list[bool] = []
    thread = threading.Thread(target=lambda: marks.append(grade("0.5", "\\frac{1}{2}").correct))
    thread.start()
    thread.join()
    assert marks == [True]


def test_plain_notation_becomes_latex() -> None:
    assert plain_to_latex("5% of sqrt(2)*x**(n+1)") == "5\\% of \\sqrt{2}*x^{n+1}"


def test_a_reference_that_cannot_be_read() -> None:
    with pytest.raises(
        DataError, match=r"its reference is '\(\(', which is not an expression it can read. Use ExactGrader"
    ):
        grade("5", "((")
