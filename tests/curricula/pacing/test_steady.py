from __future__ import annotations

import pytest

from curricula.pacing import PerRound, Stages, Steady
from lessons.errors import ConfigError


def test_a_table_of_stages() -> None:
    pacing = Stages([0.1, 0.5, 1.0], [0.25, 0.9])
    moments = [0.0, 0.24, 0.25, 0.89, 0.9, 0.99]
    assert [pacing.share(moment, {}) for moment in moments] == [0.1, 0.1, 0.5, 0.5, 1.0, 1.0]
    assert [pacing.stage(moment, {}) for moment in moments] == [0, 0, 1, 1, 2, 2]
    assert Steady(0.3).share(0.7, {}) == 0.3


@pytest.mark.parametrize(
    "pacing", [Stages([]), Stages([0.5, 1.0], []), Stages([0.5, 1.0], [1.0]), Stages([0.1, 0.2, 0.3], [0.5, 0.4])]
)
def test_tables_that_do_not_fit_are_refused(pacing: Stages) -> None:
    with pytest.raises(ConfigError, match=r"at least one share is needed, and one start fewer, rising between 0 and 1"):
        pacing.share(0.5, {})


def test_shares_outside_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"Steady got at=2; allowed are numbers from 0 to 1"):
        Steady(2).share(0.5, {})
    with pytest.raises(ConfigError, match=r"Stages got shares=-1"):
        Stages([-1, 1]).share(0.5, {})


def test_a_share_per_round_grows_from_round_to_round_as_tapir_has_it() -> None:
    """a_0 = 0.3, a_{r+1} = a_r + 0.2; inside a round nothing moves, and later rounds keep the last."""
    alpha, pacing = 0.3, PerRound([0.3, 0.5, 0.7])
    for number in range(3):
        state = pacing.start(number)
        assert [pacing.share(t, state) for t in (0.0, 0.5, 0.99)] == pytest.approx([alpha] * 3)
        alpha += 0.2
    assert pacing.share(0.0, pacing.start(9)) == 0.7
    with pytest.raises(ConfigError, match=r"PerRound got shares=\[\]; the position in at least one round is needed"):
        PerRound([]).start()
    with pytest.raises(ConfigError, match=r"PerRound got shares=1\.2; allowed are numbers from 0 to 1"):
        PerRound([0.5, 1.2]).start()
