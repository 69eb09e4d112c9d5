from __future__ import annotations

import json

import pytest

from curricula import RandomPrompts, WeakTopics
from lessons.errors import ConfigError, DataError
from lessons.records import Message, Prompt
from lessons.report_card import Cell, ReportCard
from lessons.sources import PromptSource
from lessons.tables import read_prompts, write_prompts
from tutelage.pool import choose_prompts, write_exam, write_pool


class Given(PromptSource):
    def __init__(self, questions: list[str], topic: str | None = None) -> None:
        self.questions, self.topic = questions, topic

    def prompts(self):
        for k, question in enumerate(self.questions):
            yield Prompt(f"{self.topic}{k}", (Message("user", question),), "1", topic=self.topic)


def ids(path):
    return [prompt.id for prompt in read_prompts(path)]


def test_a_prompt_that_is_an_exam_question_is_refused_or_left_out(tmp_path):
    write_exam(Given(["a?", "b?"]), tmp_path / "exam.parquet")
    pool = Given(["c?", " b? ", "d?"], "t")
    with pytest.raises(ConfigError, match=r"'t1' \(' b\? '\) is also a question of the exam"):
        write_pool(pool, tmp_path / "exam.parquet", tmp_path / "pool.parquet", "refuse")
    assert not (tmp_path / "pool.parquet").exists()
    notes = write_pool(pool, tmp_path / "exam.parquet", tmp_path / "pool.parquet", "drop")
    assert notes == {"prompts": 2, "left_out_as_exam_questions": 1}
    assert ids(tmp_path / "pool.parquet") == ["t0", "t2"]


def test_an_empty_source_is_refused(tmp_path):
    with pytest.raises(DataError, match="source of `exam` yields no prompt"):
        write_exam(Given([]), tmp_path / "exam.parquet")


def test_rounds_never_ask_twice_and_follow_the_exam(tmp_path):
    pool = tmp_path / "pool.parquet"
    easy = [Prompt(f"e{k}", (Message("user", f"{k}?"),), topic="easy") for k in range(20)]
    hard = [Prompt(f"h{k}", (Message("user", f"{k}!"),), topic="hard") for k in range(20)]
    write_prompts(pool, easy + hard)
    first, second, again = (tmp_path / f"{k}.parquet" for k in "abc")
    choose_prompts(pool, (), None, None, 6, 0, first)
    assert ids(first) == [f"e{k}" for k in range(6)]
    good, bad = Cell.of([True] * 9), Cell.of([False] * 9)
    card = ReportCard("s", "number/1", 0.95, 18, 0, good, {"easy": good, "hard": bad}, {}, 0, 0)
    (tmp_path / "report.json").write_text(json.dumps(card.to_json()))
    for path in (second, again):
        choose_prompts(pool, (first,), tmp_path / "report.json", WeakTopics(), 10, 1, path)
    assert ids(second) == ids(again)
    assert not set(ids(first)) & set(ids(second))
    assert sum(name.startswith("h") for name in ids(second)) >= 9
    with pytest.raises(DataError, match="All 40 prompts of the pool were asked about in the 1 earlier rounds"):
        choose_prompts(pool, (pool,), tmp_path / "report.json", RandomPrompts(), 10, 1, again)
