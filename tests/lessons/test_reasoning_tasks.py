from __future__ import annotations

import sys

import pytest

from lessons import reasoning_tasks
from lessons.errors import ConfigError, MissingDependency
from lessons.reasoning_tasks import as_tuples, safe_to_score, task_dataset


@pytest.mark.parametrize(
    ("task", "answer"),
    [
        ("countdown", "94*4 - 61 - 6"),
        ("simple_integration", "-34*x**8/15 - 5*x/4 + C"),
        ("intermediate_integration", "2*(2 - 8*x)**(3/2)/3 + exp(x) + C"),
        ("n_queens", "_ Q _\nQ _ _"),
        ("spiral_matrix", "[1, 2, 3]"),
        ("lcm", "open('x')"),
        ("complex_arithmetic", "-15.0 + 3.0i"),
    ],
)
def test_answers_that_reach_the_scorer(task: str, answer: str) -> None:
    assert safe_to_score(task, answer)


@pytest.mark.parametrize(
    ("task", "answer"),
    [
        ("countdown", "open('x')"),
        ("countdown", "exit()"),
        ("puzzle24", "9**9**9"),
        ("puzzle24", "((9**99)**99)**99"),
        ("simple_integration", "x.__class__"),
        ("n_queens", "__import__('os')"),
        ("binary_matrix", "[0]*10**12"),
        ("complex_arithmetic", "nan"),
        ("lcm", "1" * 5_001),
    ],
)
def test_answers_that_do_not(task: str, answer: str) -> None:
    assert not safe_to_score(task, answer)


def test_lists_become_tuples() -> None:
    assert as_tuples([[1, 2], [3]]) == ((1, 2), (3,))


def test_an_unknown_task_names_the_nearest() -> None:
    pytest.importorskip("reasoning_gym", reason="not run: needs the extra tutelage[tasks]")
    with pytest.raises(ConfigError, match=r"no task 'chain_sums'. Did you mean chain_sum"):
        task_dataset("chain_sums", {})


def test_a_setting_the_task_refuses() -> None:
    pytest.importorskip("reasoning_gym", reason="not run: needs the extra tutelage[tasks]")
    with pytest.raises(
        ConfigError, match=r"'chain_sum' refuses the configuration \{\"terms\": 2\}: .*Correct `config`"
    ):
        task_dataset("chain_sum", {"terms": 2})


def test_the_library_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "reasoning_gym", None)
    with pytest.raises(MissingDependency, match=r"pip install 'tutelage\[tasks\]'"):
        reasoning_tasks.library.__wrapped__()
