from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from lessons.errors import ConfigError
from lightning_modules import AdaptiveShare, Measure
from lightning_modules.measures.base import Figures
from lightning_modules.sampling import FixedShare


class Told(Measure):
    """Gives the losses it was told, one after the other."""

    def __init__(self, *losses: float) -> None:
        self.losses = list(losses)

    def measure(self, module: Any) -> Figures:
        return Figures({"fixed_loss": self.losses.pop(0), "fixed_rise": 0.0})


def test_the_share_rises_when_the_loss_is_well_above_the_one_it_is_compared_with() -> None:
    share = AdaptiveShare(
        Told(2.0, 1.5, 2.05, 2.1, 2.15, 2.4, 2.0), every_updates=10, start=0.85, step=0.1, tolerance=0.1
    )
    found = []
    for update in range(70):
        share.hear(None, update)  # type: ignore[arg-type]
        found.append(round(share.share(), 9))
    # 1.5 is lower and changes nothing, 2.1 is 0.1 above 2.0, 2.15 is not 0.1 above 2.1, 2.4 is; never above 1.
    assert found[::10] == [0.85, 0.85, 0.85, 0.95, 0.95, 1.0, 1.0]
    assert all(found[k : k + 10] == [found[k]] * 10 for k in range(0, 70, 10))


def test_a_resumed_share_compares_with_the_same_loss() -> None:
    one = AdaptiveShare(Told(2.0, 3.0), every_updates=1)
    one.hear(None, 0)  # type: ignore[arg-type]
    other = AdaptiveShare(Told(3.0), every_updates=1)
    other.load_state_dict(one.state_dict())
    for share in (one, other):
        share.hear(None, 1)  # type: ignore[arg-type]
        assert (share.share(), share.compared) == (0.1, 3.0)


def test_the_measure_goes_on_from_its_state_once_it_is_prepared() -> None:
    class Remembers(Told):
        """Forgets all when it is prepared."""

        def prepare(self, data: Any) -> None:
            self.seen = 0

        def state_dict(self) -> dict[str, Any]:
            return {"seen": 7}

        def load_state_dict(self, state: dict[str, Any]) -> None:
            self.seen = state["seen"]

    module: Any = SimpleNamespace(trainer=SimpleNamespace(datamodule=None))
    share = AdaptiveShare(measure := Remembers())
    share.prepare(module)
    assert measure.seen == 0
    share.load_state_dict(share.state_dict())
    share.prepare(module)
    assert measure.seen == 7


def test_a_figure_that_is_not_measured_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"Told gives no figure 'loss', but fixed_loss, fixed_rise.*Correct `figure`"):
        AdaptiveShare(Told(1.0), figure="loss").hear(None, 0)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("share", "message"),
    [
        (FixedShare(1.5), r"student_share is 1.5, which is no share.*0 to 1. Correct `student_share`"),
        (AdaptiveShare(Told(), start=-0.1), r"start is -0.1"),
        (AdaptiveShare(Told(), step=2.0), r"step is 2.0"),
        (AdaptiveShare(Told(), every_updates=0), r"every_updates = 0 and tolerance = 0.1. Allowed.*Correct them"),
        (AdaptiveShare(Told(), tolerance=-1.0), r"tolerance = -1.0"),
    ],
)
def test_settings_out_of_range_are_refused(share: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        share.check()
