from __future__ import annotations

from pathlib import Path

import pytest

from lessons.graders import ExactGrader
from lessons.records import Message, Prompt
from teachers import Batches, Budget, OpenAIBackend, RationaleAnnotator, ScriptedBackend
from tutelage.checkup.teacher import Asked, check_estimate

ASKED = [Prompt(f"p{k}", (Message("user", "Why?"),), reference="because") for k in range(3)]
EXAM = [Prompt(f"e{k}", (Message("user", "How?"),), reference="so") for k in range(2)]


def text(teacher, asked, tmp_path: Path, budget: Budget | None = None) -> tuple[str, str]:
    (found,) = check_estimate(asked, teacher, ExactGrader(), tmp_path / "ledger.sqlite", None, budget)
    return found.status, found.text


def test_the_lessons_and_the_exam_are_counted_together(tmp_path: Path) -> None:
    both = [Asked(ASKED, [RationaleAnnotator(max_asks=4)]), Asked(EXAM, [RationaleAnnotator(max_asks=1)])]
    teacher = OpenAIBackend("m", input_price=1.0, output_price=1.0)
    status, words = text(teacher, both, tmp_path)
    assert status == "ok"
    assert words.startswith("5 to 14 new calls about 5 prompts; about $")


def test_a_budget_that_is_too_small_is_announced(tmp_path: Path) -> None:
    both = [Asked(ASKED, [RationaleAnnotator()]), Asked(EXAM, [RationaleAnnotator(max_asks=1)])]
    status, words = text(OpenAIBackend("m", input_price=1.0, output_price=1.0), both, tmp_path, Budget(calls=4))
    assert status == "warn"
    assert "The budget will stop the run before its end" in words


def test_free_teachers_cost_nothing(tmp_path: Path) -> None:
    status, words = text(
        ScriptedBackend("teachers.programs.addition:solve"), [Asked(ASKED, [RationaleAnnotator()])], tmp_path
    )
    assert (status, words.split("; ")[1]) == ("ok", "about $0.00, at most $0.00")


def test_batches_cost_their_share(tmp_path: Path) -> None:
    teacher = OpenAIBackend("m", input_price=1000.0, output_price=1000.0)
    _, live = text(teacher, [Asked(ASKED, [RationaleAnnotator()])], tmp_path)
    _, bought = text(teacher, [Asked(ASKED, [RationaleAnnotator()], Batches())], tmp_path)
    dollars = [float(words.split("at most $")[1].replace(",", "")) for words in (live, bought)]
    assert dollars[1] == pytest.approx(0.5 * dollars[0], abs=0.01)
    assert dollars[1] > 1
