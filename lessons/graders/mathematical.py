"""Right means mathematically equal: math-verify reads LaTeX and compares symbolically."""

from __future__ import annotations

import logging
import re
from functools import cache
from typing import Any

from lessons.answers import final_answer
from lessons.graders.reading import folded
from lessons.graders.reference import reference_of, unusable_reference
from lessons.grading import Grader
from lessons.records import Grade, Prompt

__all__ = ["MathGrader"]

# Bounds instead of a clock: math-verify's timeouts use signals, which work in the main thread only, and a mark
# must not depend on how busy the machine is. Measured: the slowest of 1,600 hostile texts took 2.7 s.
MAX_CHARACTERS = 300
MAX_DEPTH = 12
MAX_NODES = 50
MAX_FUNCTIONS = 4
MAX_POWER = 1_000
MAX_SYMBOLIC_POWER = 12
UNFINISHED = {"Integral", "Sum", "Product", "Limit", "Derivative"}

DELIMITED = re.compile(r"\$|\\boxed|\\\(|\\\[")
WORDS = re.compile(r"(?<![\\A-Za-z])(arcsin|arccos|arctan|sin|cos|tan|sqrt|log|ln|exp|pi|infty)(?![A-Za-z])")
SIMPLE_ROOT = re.compile(r"\\sqrt\s*\(([^()]*)\)")
SIMPLE_POWER = re.compile(r"(?:\*\*|\^)\s*\(([^()]*)\)")


class MathGrader(Grader):
    """Compares the expression in the final answer with the reference by mathematical equality.

    LaTeX and plain notation are read: fractions, roots, sets, intervals, equations, matrices, percents. Answers too
    large to evaluate safely (long, deeply nested, towers of powers) count as unreadable.

    Args:
        digits: Decimals to which two floating-point numbers must agree.
    """

    def __init__(self, digits: int = 6) -> None:
        self.digits = digits

    def grade(self, text: str, prompt: Prompt) -> Grade:
        """Mark the expression in `text`; see `Grader.grade`."""
        reference = final_answer(reference_of(prompt, self))
        given = final_answer(text)
        if folded(given, ignore_case=False) == folded(reference, ignore_case=False) and given:
            return Grade(True, 1.0, given, self.name)
        wanted = expression(reference)
        if wanted is None:
            raise unusable_reference(prompt, self, "an expression it can read", "Use ExactGrader for answers in words.")
        found = expression(given)
        if found is None:
            return Grade(False, 0.0, None, self.name, "no expression in the answer that can be read and evaluated")
        correct = equal(wanted, found, self.digits)
        return Grade(correct, float(correct), given, self.name, None if correct else f"the reference is {reference!r}")


def expression(text: str) -> Any:
    """Return the expression in a final answer; None when there is none, or none that is safe to evaluate."""
    boxed = text.rfind("\\boxed")
    text = text[boxed:] if boxed >= 0 else text
    if not text or len(text) > MAX_CHARACTERS or depth(text) > MAX_DEPTH:
        return None
    if not DELIMITED.search(text):
        text = f"${plain_to_latex(text)}$"
    parse, _ = math_verify()
    try:
        found = parse(text)
        return found[0] if found and bounded(found[0]) else None
    except Exception:  # sympy and antlr raise anything at all on odd input: it is unreadable, which is the mark
        return None


def equal(wanted: Any, given: Any, digits: int) -> bool:
    """Whether two expressions are mathematically equal."""
    _, verify = math_verify()
    try:
        return bool(verify(wanted, given, float_rounding=digits, timeout_seconds=None))
    except Exception:  # as in `expression`: what cannot be compared is not equal
        return False


def plain_to_latex(text: str) -> str:
    """Write plain notation ("2*sqrt(8)", "x**2") as LaTeX.

    >>> plain_to_latex("2*sqrt(8) + x**(n+1)")
    '2*\\\\sqrt{8} + x^{n+1}'
    """
    text = WORDS.sub(r"\\\1", text.replace("%", "\\%").replace("\\\\%", "\\%"))
    text = SIMPLE_POWER.sub(r"^{\1}", SIMPLE_ROOT.sub(r"\\sqrt{\1}", text))
    return text.replace("**", "^")


def depth(text: str) -> int:
    """Return how deep the brackets of a text nest (the parser takes seconds for some hundred)."""
    level = deepest = 0
    for character in text:
        if character in "([{":
            level += 1
            deepest = max(deepest, level)
        elif character in ")]}":
            level = max(level - 1, 0)
    return max(deepest, text.count("\\frac"), text.count("\\sqrt"))


def bounded(expression: Any) -> bool:
    """Whether an expression is small enough to evaluate and simplify, and holds no unfinished operation."""
    from sympy import Function, Pow, factorial, preorder_traversal  # type: ignore[import-untyped]

    functions = [node for node in preorder_traversal(expression) if isinstance(node, Function)]
    if len(functions) > MAX_FUNCTIONS or any(inner.has(Function) for node in functions for inner in node.args):
        return False  # simplifying sines of sines can take minutes
    for count, node in enumerate(preorder_traversal(expression)):
        if count > MAX_NODES or type(node).__name__ in UNFINISHED:
            return False
        if isinstance(node, factorial) and not small(node.args[0], MAX_POWER):
            return False
        if isinstance(node, Pow):
            base, exponent = node.args
            limit = MAX_SYMBOLIC_POWER if base.is_Add and base.free_symbols else MAX_POWER
            if exponent.is_number and not small(exponent, limit):
                return False
            if base.is_number and base.has(Pow) and not small(exponent, MAX_SYMBOLIC_POWER):
                return False
    return True


def small(number: Any, limit: int) -> bool:
    """Whether an exponent is a plain number up to a limit, so that evaluating it cannot explode."""
    from sympy import Pow, factorial

    if number.has(Pow, factorial) and not all(a.is_Rational for node in number.atoms(Pow) for a in node.args):
        return False
    return bool(number.is_number and abs(number.evalf(5)) <= limit)


@cache
def math_verify() -> tuple[Any, Any]:
    """Import math-verify on first use and return how to parse and to verify, without its clock."""
    from math_verify import LatexExtractionConfig, parse, verify

    for name in ("math_verify.parser", "math_verify.grader"):
        logging.getLogger(name).setLevel(logging.ERROR)  # it warns that there is no timeout: that is what we want

    def read(text: str) -> list[Any]:
        found: list[Any] = parse(text, [LatexExtractionConfig()], fallback_mode="no_fallback", parsing_timeout=None)
        return found

    return read, verify
