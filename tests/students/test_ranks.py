"""Which accelerator a process of a launcher takes. That two processes share work is proved where they do."""

from __future__ import annotations

import pytest
import torch

from students.ranks import Ranks, take_own_device


@pytest.mark.parametrize(("local_rank", "taken"), [("0", 0), ("3", 3), ("5", 1)])
def test_every_process_of_a_machine_takes_an_accelerator_of_its_own(
    monkeypatch: pytest.MonkeyPatch, local_rank: str, taken: int
) -> None:
    chosen: list[int] = []
    monkeypatch.setenv("LOCAL_RANK", local_rank)
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: True)
    monkeypatch.setattr(torch.accelerator, "device_count", lambda: 4)
    monkeypatch.setattr(torch.accelerator, "set_device_index", chosen.append)
    take_own_device()
    assert chosen == [taken]


def test_without_a_launcher_a_process_is_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    assert Ranks.here() == Ranks(0, 1)
