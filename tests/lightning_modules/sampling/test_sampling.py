from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lessons.errors import ConfigError
from lightning_modules import Replay, Sampling, ServedAnswers
from lightning_modules.sampling import Asked


def asked(sequence: int, copy: int) -> Asked:
    return Asked(sequence, copy, copy, np.array([1], np.int32), 0, "p", 0, 1.0)


def test_every_prompt_copy_update_and_seed_draws_its_own_numbers() -> None:
    places = [(sequence, copy) for sequence in (0, 1) for copy in (0, 1)]
    draws = {
        (seed, update, *place): tuple(Sampling(3, seed=seed).request([asked(*place)], update).uniforms[0])
        for seed in (0, 1) for update in (0, 1) for place in places
    }  # fmt: skip
    assert len(set(draws.values())) == len(draws) == 16
    assert all(len(found) == 3 and 0 <= min(found) <= max(found) < 1 for found in draws.values())
    together = Sampling(3, seed=1).request([asked(*place) for place in places], 1).uniforms
    assert [tuple(found) for found in together] == [draws[1, 1, *place] for place in places]


def test_only_the_student_as_it_is_samples_without_bias() -> None:
    server = ServedAnswers("http://127.0.0.1:1/v1", "student", "weights", "http://127.0.0.1:1/reload")
    assert Sampling().unbiased
    assert Sampling(writer=server).unbiased
    stale = ServedAnswers("http://127.0.0.1:1/v1", "student", "weights", "http://127.0.0.1:1/reload", every_updates=2)
    for settings in ({"temperature": 0.9}, {"top_p": 0.9}, {"replay": Replay()}, {"writer": stale}):
        assert not Sampling(**settings).unbiased


def test_it_describes_itself() -> None:
    plain = Sampling(80, temperature=0.0).describe()
    assert plain == "answers of up to 80 tokens, the most probable tokens, by the student"
    server = ServedAnswers("http://127.0.0.1:1/v1", "student")
    assert Sampling(8, 0.5, 0.9, writer=server, replay=Replay()).describe() == (
        "answers of up to 8 tokens, sampled at temperature 0.5 and top_p 0.9, from ServedAnswers, some of them replayed"
    )


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"samples": 0}, r"samples = 0; allowed is 1 or more.*Correct `samples`"),
        ({"samples": 2, "temperature": 0.0}, r"samples = 2 at temperature 0.*same. Allowed.*Raise `temperature`"),
        ({"max_new_tokens": 0}, r"max_new_tokens = 0; allowed is at least 1"),
        ({"replay": Replay(capacity=0)}, r"capacity = 0"),
        ({"writer": ServedAnswers("http://127.0.0.1:1/v1", "student", every_updates=0)}, r"every_updates = 0"),
    ],
)
def test_settings_out_of_range_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Sampling(**settings).check()
