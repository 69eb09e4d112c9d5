from __future__ import annotations

import pytest

from lessons.errors import ConfigError, DataError
from lessons.rows import prompt_from_row, prompt_to_row
from lessons.sources import ColumnMap, ReasoningGymSource

pytest.importorskip("reasoning_gym", reason="not run: needs the extra tutelage[tasks]")


def test_draws_are_repeatable_and_survive_a_table() -> None:
    source = ReasoningGymSource("chain_sum", size=5, seed=1, config={"min_terms": 2, "max_terms": 3})
    prompts = list(source.prompts())
    assert prompts == list(source.prompts())
    assert prompts == [prompt_from_row(prompt_to_row(p)) for p in prompts]
    assert [p.id for p in prompts] == [f"chain_sum-1-{k}" for k in range(5)]
    assert prompts[0].difficulty is None
    assert {p.topic for p in prompts} == {"chain_sum"}


def test_seeds_and_skips() -> None:
    one = list(ReasoningGymSource("chain_sum", size=5, seed=1).prompts())
    assert list(ReasoningGymSource("chain_sum", size=5, seed=1, skip=3).prompts()) == one[3:]


def test_neighbouring_seeds_share_no_item() -> None:
    training, exam = (
        {p.question for p in ReasoningGymSource("chain_sum", 200, seed, {"min_digits": 4}).prompts()} for seed in (1, 2)
    )
    assert not training & exam


@pytest.mark.parametrize("settings", [{"seed": -1}, {"size": 1_000_001}])
def test_settings_out_of_range(settings: dict[str, int]) -> None:
    with pytest.raises(ConfigError, match=r"allowed are a seed of 0 or more and a size up to 1,000,000. Correct"):
        list(ReasoningGymSource("chain_sum", **settings).prompts())


def test_columns_reach_into_the_item() -> None:
    columns = ColumnMap(difficulty="metadata.num_terms", system="Only the number.")
    prompt = next(ReasoningGymSource("chain_sum", size=1, columns=columns).prompts())
    assert prompt.difficulty == prompt.metadata["reasoning_gym"]["metadata"]["num_terms"]
    assert [m.role for m in prompt.messages] == ["system", "user"]


def test_a_task_that_cannot_be_graded_is_refused() -> None:
    with pytest.raises(
        ConfigError, match=r"'game_of_life_halting' is refused: its scorer .*1.0 to every text.*another task"
    ):
        list(ReasoningGymSource("game_of_life_halting").prompts())


def test_nothing_to_draw() -> None:
    with pytest.raises(DataError, match=r"size is 0 and skip is 0. At least one must be left"):
        list(ReasoningGymSource("chain_sum", size=0).prompts())
