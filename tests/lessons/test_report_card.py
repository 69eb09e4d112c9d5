from __future__ import annotations

import json
import math
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lessons.errors import DataError
from lessons.records import Attempt, Grade, Message, Prompt
from lessons.report_card import Cell, ReportCard, effective_answers, wilson


@pytest.mark.parametrize(
    ("correct", "total", "low", "high"),
    [
        # R. G. Newcombe (1998), Statistics in Medicine 17, 857-872, table I, method 3 (Wilson's score)
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_published_intervals(correct: int, total: int, low: float, high: float) -> None:
    found = wilson(correct, total)
    assert (round(found.low, 4), round(found.high, 4)) == (low, high)


@given(st.integers(1, 10_000), st.floats(0.01, 0.999), st.data())
def test_the_ends_solve_the_defining_equation(total: int, confidence: float, data: st.DataObject) -> None:
    correct = data.draw(st.integers(0, total))
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    found = wilson(correct, total, confidence)
    assert 0 <= found.low <= correct / total <= found.high <= 1
    for end in found:
        assert math.isclose((correct / total - end) ** 2, z * z * end * (1 - end) / total, rel_tol=1e-6, abs_tol=1e-12)


@pytest.mark.parametrize("arguments", [(0, 0, 0.95), (3, 2, 0.95), (-1, 2, 0.95), (1, 2, 1.0), (1, 2, 0.0)])
def test_no_interval(arguments: tuple[int, int, float]) -> None:
    with pytest.raises(DataError, match=r"No interval for .* right of .*at least one answer"):
        wilson(*arguments)


@given(st.lists(st.integers(0, 4), min_size=2, max_size=40), st.integers(1, 6))
def test_answers_count_as_many_as_they_are_or_as_their_questions(rights: list[int], samples: int) -> None:
    """Between N, all answers to a question alike, and N n, each by chance alone: m = p (1 - p) / V."""
    size = len(rights)
    alike = effective_answers([samples * (right > 1) for right in rights], [samples] * size)
    assert alike == pytest.approx(size if samples == 1 or len({right > 1 for right in rights}) == 1 else size - 1)
    answers, total = [4] * size, 4 * size
    share = sum(rights) / total
    rates = [right / 4 for right in rights]
    variance = sum((rate - share) ** 2 for rate in rates) / (size - 1) / size  # of the mean of the questions' rates
    if 0 < share < 1 and variance:
        found = effective_answers(rights, answers)
        assert found == pytest.approx(max(1.0, min(total, share * (1 - share) / variance)))


def test_an_interval_over_questions_covers_where_one_over_answers_does_not() -> None:
    """4 answers to each of 60 questions, whose own pass rates are drawn from Beta(0.5, 0.5): mean 0.5."""
    generator, covered, naive = np.random.default_rng(0), 0, 0
    for _ in range(600):
        right = generator.binomial(4, generator.beta(0.5, 0.5, 60))
        marks = [k < count for count in right for k in range(4)]
        cell = Cell.of(marks, questions=[str(k // 4) for k in range(240)])
        covered += cell.low <= 0.5 <= cell.high
        low, high = wilson(sum(marks), 240)
        naive += low <= 0.5 <= high
    assert covered / 600 == pytest.approx(0.95, abs=0.025)
    assert naive / 600 < 0.85


def test_one_answer_to_each_question_is_wilsons_interval() -> None:
    marks = [True, False, True, True]
    assert Cell.of(marks, questions=list("abcd")) == Cell.of(marks)
    assert Cell.of(marks, questions=list("abcc")).high > Cell.of(marks).high
    with pytest.raises(DataError, match="No interval for 0 right of 0"):
        Cell.of([], questions=[])


def test_a_card_of_several_samples_says_so_and_older_cards_are_read() -> None:
    answers = [attempt(name, correct) for name, correct in (("p0", True), ("p0", False), ("p1", True), ("p1", True))]
    card = ReportCard.of(answers, exam([0.1, 0.2]))
    assert (card.prompts, card.samples, card.overall.accuracy, card.overall.total) == (2, 2, 0.75, 4)
    assert ReportCard.from_json(card.to_json()) == card
    older = {name: value for name, value in card.to_json().items() if name != "samples"}
    assert ReportCard.from_json(older).samples == 1


def exam(difficulties: list[float | None]) -> list[Prompt]:
    return [
        Prompt(f"p{k}", (Message("user", "?"),), topic="even" if k % 2 == 0 else None, difficulty=difficulty)
        for k, difficulty in enumerate(difficulties)
    ]


def attempt(
    name: str, correct: bool = True, author: str = "student", tokens: int | None = 5, grader: str = "exact/1"
) -> Attempt:
    return Attempt(
        name, author, "x", grade=Grade(correct, float(correct), "x", grader), tokens=tokens, truncated=not correct
    )


def test_a_card_counts() -> None:
    prompts = exam([1, 2, 2, None, 3])
    card = ReportCard.of([attempt(f"p{k}", correct=k < 2) for k in range(4)], prompts)
    assert card.overall == Cell(2, 4, 0.5, *wilson(2, 4))
    assert card.by_topic == {"even": Cell(1, 2, 0.5, *wilson(1, 2))}
    assert {name: (cell.correct, cell.total) for name, cell in card.by_tier.items()} == {"1": (1, 1), "2": (1, 2)}
    assert (card.author, card.grader, card.prompts, card.unanswered) == ("student", "exact/1", 4, 1)
    assert (card.truncated, card.tokens) == (2, 20)


def test_many_difficulties_become_thirds() -> None:
    prompts = exam([float(k) for k in range(9)])
    card = ReportCard.of([attempt(p.id) for p in reversed(prompts)], prompts)
    assert [(name, cell.total) for name, cell in card.by_tier.items()] == [
        ("easy (0 to 2)", 3), ("middle (3 to 5)", 3), ("hard (6 to 8)", 3),
    ]  # fmt: skip


def test_unknown_token_counts_make_the_sum_unknown() -> None:
    assert ReportCard.of([attempt("p0"), attempt("p0", tokens=None)], exam([1])).tokens is None


@given(st.lists(st.tuples(st.booleans(), st.none() | st.floats(-1e6, 1e6)), min_size=1, max_size=40))
def test_groups_add_up_and_json_keeps_everything(answers: list[tuple[bool, float | None]]) -> None:
    prompts = exam([difficulty for _, difficulty in answers])
    card = ReportCard.of([attempt(f"p{k}", right) for k, (right, _) in enumerate(answers)], prompts, confidence=0.9)
    known = [right for right, difficulty in answers if difficulty is not None]
    assert sum(cell.total for cell in card.by_tier.values()) == len(known)
    assert sum(cell.correct for cell in card.by_tier.values()) == sum(known)
    assert ReportCard.from_json(json.loads(json.dumps(card.to_json(), allow_nan=False))) == card


@pytest.mark.parametrize(
    ("attempts", "message"),
    [
        ([], "No attempts to report on .got 0"),
        ([Attempt("p0", "student", "x")], "attempt of 'student' at the prompt 'p0' has no grade; .*Grade the attempts"),
        ([attempt("q")], "names the prompt 'q', which is not among the 1 prompts"),
        ([attempt("p0"), attempt("p0", author="base")], "Attempts of several authors: base, student"),
        ([attempt("p0"), attempt("p0", grader="number/1")], "Attempts of several graders: exact/1, number/1"),
    ],
)
def test_attempts_that_cannot_be_summed_up(attempts: list[Attempt], message: str) -> None:
    with pytest.raises(DataError, match=message):
        ReportCard.of(attempts, exam([1]))
