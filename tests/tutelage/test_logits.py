"""The command: what it prints, how it goes on, how work is shared."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lessons.errors import ConfigError
from lessons.records import Message, Prompt
from lessons.tables import write_prompts
from students import AnswerOnly, LogitStore, RandomWeights, Student
from students.logit_store import Capture
from tutelage.commands.logits import logits, ranks_of


def test_it_stores_in_shares_and_says_what_is_left(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    prompts, out = tmp_path / "prompts.parquet", tmp_path / "logits"
    write_prompts(prompts, [Prompt(f"p{k}", (Message("user", f"{k}+1?"),), str(k + 1)) for k in range(12)])
    teacher = Student(RandomWeights(hidden_size=16, layers=1, heads=2), precision="float32")

    def run(**settings: Any) -> tuple[str, str]:
        capture = Capture(tokens_kept=4, sequences_per_shard=5)
        logits(str(out), teacher, str(prompts), AnswerOnly(), capture=capture, **settings)
        found = capsys.readouterr()
        return found.out, found.err

    said, _ = run(rank=1, world_size=2)
    # The answers 1 to 12 are 15 digits, and each is closed by the end-of-turn token.
    assert "27 positions of 12 sequences: the top 4 of 103 tokens, 20 bytes a position, 0.0 MB" in said
    assert "2 of 3 shards are left to the other processes" in said
    said, shown = run()
    assert "left to the other" not in said
    assert "logits: 12/12 sequences" in shown
    LogitStore(str(out)).check(teacher)
    assert "holds all of this process's shards already" in run()[1]


@pytest.mark.parametrize(("rank", "world_size"), [(0, None), (None, 2), (2, 2), (-1, 2)])
def test_ranks_that_do_not_fit_are_refused(rank: int | None, world_size: int | None) -> None:
    with pytest.raises(ConfigError, match=r"Got rank .* of world_size .*Allowed are both or none.*Correct them, or"):
        ranks_of(rank, world_size)
