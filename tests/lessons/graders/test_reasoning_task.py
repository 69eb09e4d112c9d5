from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lessons.errors import DataError
from lessons.graders import ReasoningTaskGrader
from lessons.reasoning_tasks import METADATA_KEY
from lessons.records import Message, Prompt
from lessons.rows import prompt_from_row, prompt_to_row
from lessons.sources import ReasoningGymSource

pytest.importorskip("reasoning_gym", reason="not run: needs the extra tutelage[tasks]")


def drawn(task: str) -> Prompt:
    """Draw one prompt and send it through a table's row."""
    return prompt_from_row(prompt_to_row(next(ReasoningGymSource(task, size=1, seed=3).prompts())))


@pytest.mark.parametrize(
    "task", ["chain_sum", "prime_factorization", "n_queens", "countdown", "complex_arithmetic", "lcm"]
)
def test_the_reference_is_right_and_wrong_texts_are_wrong(task: str) -> None:
    prompt = drawn(task)
    assert ReasoningTaskGrader().grade(f"So it is.\nAnswer: {prompt.reference}", prompt).correct
    for text in ("", "nan", "surely not", "__import__('os').abort()", "[1] * 10**12", "9**9**9**9"):
        grade = ReasoningTaskGrader().grade(text, prompt)
        assert not grade.correct
        assert grade.reason


@given(st.text())
@pytest.mark.parametrize("task", ["chain_sum", "prime_factorization", "game_of_life", "boxnet", "spiral_matrix"])
def test_no_text_makes_it_raise(task: str, text: str) -> None:
    grade = ReasoningTaskGrader().grade(text, drawn(task))
    assert 0 <= grade.score <= 1


def test_partial_credit_is_not_right() -> None:
    prompt = drawn("chain_sum")
    grade = ReasoningTaskGrader().grade(f"{prompt.reference} or so", prompt)
    assert not grade.correct
    assert 0 < grade.score < 1


def test_grids_are_compared_after_a_trip_through_a_table() -> None:
    prompt = drawn("rearc")
    spaced = (prompt.reference or "").replace("\n", " \n")
    assert spaced == prompt.reference or ReasoningTaskGrader().grade(spaced, prompt).correct


def test_a_scorer_that_is_known_to_be_wrong_is_refused() -> None:
    prompt = drawn("chain_sum")
    stored = {**prompt.metadata[METADATA_KEY], "task": "game_of_life_halting"}
    with pytest.raises(DataError, match=r"game_of_life_halting' cannot be trusted \(it gives 1.0 to every text"):
        ReasoningTaskGrader().grade("x", dataclasses.replace(prompt, metadata={METADATA_KEY: stored}))


def test_a_prompt_from_elsewhere() -> None:
    with pytest.raises(
        DataError, match=r"its metadata has no 'reasoning_gym' entry \(got nothing\).*ReasoningGymSource"
    ):
        ReasoningTaskGrader().grade("x", Prompt("p", (Message("user", "?"),), "7"))
