from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lessons.errors import ConfigError
from lessons.records import Annotation, Message, Prompt, Provenance
from lessons.tables import read_annotations
from teachers import PairwiseDifficultyAnnotator, ScriptedBackend, distill
from teachers.annotators import By, ParseProblem
from teachers.annotators.pairwise_difficulty import POOL, Comparisons
from teachers.backend import Completion, Request
from teachers.bradley_terry import strengths

PROMPT = Prompt("p", (Message("system", "Be kind."), Message("user", "2+2?")), reference="4", choices=("3", "4"))
OTHER = Prompt("q", (Message("user", "Integrate x."),))


def prompts(count: int) -> list[Prompt]:
    return [Prompt(f"p{k}", (Message("user", f"Question {k * 37 % count}"),)) for k in range(count)]


def larger(request: Request) -> str:
    """Find the question with the larger number harder."""
    numbers = [int(line.split()[1]) for line in request.messages[-1].content.split("\n") if line[9:10].isdigit()]
    return f"More.\nHarder: {'A' if numbers[0] > numbers[1] else 'B'}"


def first(request: Request) -> str:
    """Find whatever comes first harder."""
    return "Harder: A"


@pytest.fixture(scope="module", autouse=True)
def programs() -> Any:
    module = ModuleType("teachers_compare")
    module.larger, module.first = larger, first  # type: ignore[attr-defined]
    sys.modules["teachers_compare"] = module
    yield
    del sys.modules["teachers_compare"]


def run(folder: Path, program: str, count: int, annotator: Any) -> list[Any]:
    backend = ScriptedBackend(f"teachers_compare:{program}")
    distill(prompts(count), backend, [annotator], None, folder / "l", folder / "o", progress=False)
    return list(read_annotations(folder / "o"))


def test_both_orders_are_asked_and_the_hardest_comes_out_on_top(tmp_path: Path) -> None:
    found = run(tmp_path, "larger", 40, PairwiseDifficultyAnnotator(opponents=3))
    comparisons = [a for a in found if a.kind == "comparison"]
    assert len(comparisons) == 2 * (1 + 2 + 3 * 37)
    assert {(a.prompt_id, a.data["opponent"]) for a in comparisons if a.data["shown_first"]} == {
        (a.prompt_id, a.data["opponent"]) for a in comparisons if not a.data["shown_first"]
    }
    labels = [a for a in found if a.kind == "difficulty"]
    assert [a.prompt_id for a in labels] == [p.id for p in prompts(40)]
    assert all(a.value is not None and 0 < a.value < 1 and a.trusted for a in labels)
    by_value = sorted(labels, key=lambda a: a.value)
    numbers = [int(p.question.split()[1]) for a in by_value for p in prompts(40) if p.id == a.prompt_id]
    assert sum(n >= 20 for n in numbers[20:]) >= 17
    assert (numbers[0] < 5, numbers[-1] >= 35) == (True, True)
    assert sum(a.data["wins"] for a in labels) == len(comparisons)
    assert labels[0].provenance.template.startswith("bradley_terry/1 of comparison/1@")


def test_the_values_are_those_of_the_fitted_model(tmp_path: Path) -> None:
    found = run(tmp_path, "larger", 3, PairwiseDifficultyAnnotator(opponents=2, prior=1.0))
    labels = {a.prompt_id: a for a in found if a.kind == "difficulty"}
    # Questions 0, 1, 2: each of the three pairs is won twice by the larger number.
    expected = strengths(3, [1, 1, 2, 2, 2, 2], [0, 0, 0, 0, 1, 1], prior=1.0)
    assert [labels[f"p{k}"].data["strength"] for k in range(3)] == pytest.approx(list(expected), abs=1e-6)
    assert labels["p2"].data["wins"] == labels["p2"].data["comparisons"] == 4


def test_a_teacher_that_prefers_a_place_says_nothing(tmp_path: Path) -> None:
    found = run(tmp_path, "first", 10, PairwiseDifficultyAnnotator())
    assert [a.value for a in found if a.kind == "difficulty"] == pytest.approx([0.5] * 10)


def test_a_role_keeps_both_kinds_apart(tmp_path: Path) -> None:
    by = By("second", ScriptedBackend("teachers_compare:larger"), PairwiseDifficultyAnnotator())
    found = run(tmp_path, "first", 5, by)
    assert {a.kind for a in found} == {"comparison.second", "difficulty.second"}
    assert {a.value for a in found if a.kind == "difficulty.second"} != {0.5}


def test_a_second_run_compares_the_same_pairs_and_pays_nothing(tmp_path: Path) -> None:
    arguments = (ScriptedBackend("teachers_compare:larger"), [PairwiseDifficultyAnnotator()], None)
    one = distill(prompts(30), *arguments, tmp_path / "l", tmp_path / "o")
    again = distill(prompts(30), *arguments, tmp_path / "l", tmp_path / "again")
    assert (again.calls, again.from_ledger) == (0, one.calls)
    assert list(read_annotations(tmp_path / "again")) == list(read_annotations(tmp_path / "o"))


def test_the_pool_of_opponents_is_bounded_and_fair() -> None:
    roll = Comparisons(opponents=2, choice_seed=0, prior=0.5)
    drawn = []
    for k in range(4 * POOL):
        prompt = Prompt(str(k), (Message("user", "?"),))
        roll.enroll(prompt)
        opponents = roll.opponents_of(prompt)
        assert roll.opponents_of(prompt) == opponents  # looked up in the ledger first, asked about afterwards
        assert all(int(opponent.id) < k for opponent in opponents)
        assert len({opponent.id for opponent in opponents}) == min(2, k)
        drawn += [int(opponent.id) / k for opponent in opponents if k > 2 * POOL]
        source = Provenance("T", "m", "t", "k")
        for opponent in opponents:
            data = {"opponent": opponent.id, "harder": True}
            roll.see(Annotation(prompt.id, "comparison", 0, "", source, data=data))
    assert len(roll.pool) == POOL
    assert set(roll.waiting) <= {"0"}  # what is written is forgotten; the very first prompt had nothing to wait for
    assert 0.48 < sum(drawn) / len(drawn) < 0.52  # early and late prompts alike


def test_the_pair_is_shown_in_both_orders_with_options_and_without_the_reference() -> None:
    annotator = PairwiseDifficultyAnnotator()
    one, other = (annotator.pair_request(PROMPT, OTHER, sample).messages[-1].content for sample in (0, 1))
    assert one.index("2+2?") < one.index("(A) 3\n(B) 4") < one.index("Integrate x.")
    assert other.index("Integrate x.") < other.index("2+2?")
    assert "reference" not in one
    assert len(annotator.pair_request(PROMPT, OTHER, 0).messages) == 1
    assert annotator.foresee(PROMPT) == ([], 12)


@pytest.mark.parametrize("text", ["A", "Harder: C", "Harder: A or B", "Harder:"])
def test_other_labels_are_problems_with_a_reason(text: str) -> None:
    with pytest.raises(ParseProblem, match=r"Harder|harder"):
        PairwiseDifficultyAnnotator().parse(Completion(text, "stop", 1, 1, "m"), PROMPT)


@given(st.text() | st.text("Harder: AB*\n"))
def test_nothing_but_the_documented_error_is_raised(text: str) -> None:
    try:
        fields = PairwiseDifficultyAnnotator().parse(Completion(text, "stop", 1, 1, "m"), PROMPT)
    except ParseProblem:
        return
    assert fields.answer in ("A", "B")


@pytest.mark.parametrize("settings", [{"opponents": 0}, {"opponents": 1001}, {"prior": 0.0}])
def test_senseless_settings_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=r"PairwiseDifficultyAnnotator got opponents=.*must be from 1 to 1000"):
        PairwiseDifficultyAnnotator(**settings).check(None)
