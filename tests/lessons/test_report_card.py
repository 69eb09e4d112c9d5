from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lessons.errors import DataError
from lessons.intervals import wilson
from lessons.records import Attempt, Grade, Message, Prompt
from lessons.report_card import Cell, ReportCard


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
