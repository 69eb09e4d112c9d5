from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import tutelage.planning
from curricula import Curriculum, EasyFirst, Given, Shuffled
from curricula.mixtures.prefix import PrefixPool
from curricula.pacing.root import RootPacing
from curricula.selection.band import Band
from lessons.records import Message, Prompt
from lessons.tables import write_prompts
from tutelage.commands.plan import plan
from tutelage.planning import PlanRule


@pytest.fixture
def prompts(tmp_path: Path) -> str:
    rows = [Prompt(f"p{k}", (Message("user", f"{k}?"),), reference="1", difficulty=float(k)) for k in range(10)]
    write_prompts(tmp_path / "prompts.parquet", rows)
    return str(tmp_path / "prompts.parquet")


def test_a_plan_with_selection_and_mixture_is_written_and_explained(
    prompts: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def command(**more) -> str:
        plan(
            str(tmp_path / "plan"), prompts, signals=[Given()], ordering=EasyFirst(), order_by="given_difficulty",
            passes=4.0, select=[Band("given_difficulty", high=7)], mixture=PrefixPool(RootPacing()),
            lessons_per_update=4, **more,
        )  # fmt: skip
        return capsys.readouterr().out

    assert "entries: 32" in command()
    rule = Curriculum.read(tmp_path / "plan").rule
    assert rule["select"][0]["init_args"]["high"] == 7
    assert rule["mixture"]["class_path"].endswith("PrefixPool")
    assert "p9" in command(explain="p9")
    assert "p0" in command(explain="p0")


def test_parts_that_are_not_used_change_no_finished_step() -> None:
    bare = PlanRule([], Shuffled(), None, 1.0, 0, 0)
    assert set(bare.settings()) == {"signals", "ordering", "order_by", "passes", "minimum_length", "seed"}
    drawn = PlanRule([], Shuffled(), None, 1.0, 0, 0, [Band("x")], PrefixPool(RootPacing()), 4)
    assert drawn.settings()["lessons_per_update"] == 4
    assert drawn.settings()["select"][0]["class_path"].endswith("Band")
    assert "round_number" not in drawn.settings()
    assert replace(drawn, round_number=2).settings()["round_number"] == 2
    assert "round_number" not in replace(bare, round_number=2).settings()


def test_a_picture_that_fails_costs_no_plan(
    prompts: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*given: object) -> None:
        raise ValueError("Invalid bounding box")

    words: list[str] = []
    monkeypatch.setattr(tutelage.planning, "draw", fail)
    monkeypatch.setattr(tutelage.planning, "write_words", lambda path, text: (path.touch(), words.append(text)))
    plan(str(tmp_path / "plan"), prompts, signals=[Given()], ordering=Shuffled())
    assert Curriculum.read(tmp_path / "plan").selected == 10
    assert len(words) == 1
    assert words[0].endswith("could not be drawn: ValueError: Invalid bounding box")
    assert "picture of the plan could not be drawn" in caplog.text
