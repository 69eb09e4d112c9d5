from __future__ import annotations

import pytest

from lessons.errors import ConfigError
from lightning_modules.preferences import AFT, DPO, IPO, KTO, NPO, ORPO, REDI, UFT, Preference, SimPO, StepTotals

STEP = StepTotals(chosen=3.5, rejected=4.5, lessons=2.5)
EVERY = [AFT, DPO, IPO, KTO, NPO, ORPO, REDI, UFT, SimPO]


@pytest.mark.parametrize(
    ("preference", "unit", "total"),
    [
        (DPO(), "pairs", 3.5),
        (IPO(), "pairs", 3.5),
        (SimPO(), "pairs", 3.5),
        (ORPO(), "pairs", 3.5),
        (REDI(), "pairs", 3.5),
        (KTO(), "texts", 8.0),
        (UFT(), "texts", 8.0),
        (NPO(), "texts", 4.5),
        (AFT(), "lessons", 2.5),
    ],
)
def test_what_a_loss_is_averaged_over(preference: Preference, unit: str, total: float) -> None:
    assert (preference.unit, preference.total(STEP)) == (unit, total)
    assert preference.formula
    preference.check()


def test_which_losses_compare_with_a_reference_and_which_are_guarded() -> None:
    assert {kind.__name__ for kind in EVERY if kind.needs_reference} == {"DPO", "IPO", "KTO", "NPO", "UFT"}
    assert {kind.__name__ for kind in EVERY if kind().largest_fall is not None} == {"REDI"}  # the one without a bound
    assert {kind.__name__ for kind in EVERY if kind().supervised_weight} == {"AFT", "ORPO"}


@pytest.mark.parametrize(
    ("preference", "complaint"),
    [
        (DPO(reward_scale=0.0), r"DPO got reward_scale=0\.0, .* Allowed are values above 0\. Correct `reward_scale`\."),
        (DPO(label_smoothing=0.5), r"DPO got label_smoothing=0\.5, .* from 0 and below 0\.5"),
        (DPO(floor_weight=-1.0), r"DPO got floor_weight=-1\.0, .* at least 0"),
        (DPO(supervised_weight=-1.0), r"DPO got supervised_weight=-1\.0, .* at least 0"),
        (IPO(regularisation=0.0), r"IPO got regularisation=0\.0, .* above 0"),
        (SimPO(margin=-0.5), r"SimPO got margin=-0\.5, .* at least 0"),
        (SimPO(reward_scale=-2.0), r"SimPO got reward_scale=-2\.0, .* above 0"),
        (ORPO(odds_weight=0.0), r"ORPO got odds_weight=0\.0, .* above 0"),
        (REDI(negative_weight=1.5), r"REDI got negative_weight=1\.5, .* from 0 to 1"),
        (REDI(largest_fall=0.0), r"REDI got largest_fall=0\.0, .* above 0, or null"),
        (KTO(bad_weight=-1.0), r"KTO got bad_weight=-1\.0, .* at least 0"),
        (KTO(good_weight=-1.0), r"KTO got good_weight=-1\.0, .* at least 0"),
        (KTO(reward_scale=0.0), r"KTO got reward_scale=0\.0, .* above 0"),
        (UFT(reward_scale=0.0), r"UFT got reward_scale=0\.0, .* above 0"),
        (NPO(reward_scale=0.0), r"NPO got reward_scale=0\.0, .* above 0"),
        (AFT(margin=-0.1), r"AFT got margin=-0\.1, .* at least 0"),
    ],
)
def test_settings_out_of_range_are_refused(preference: Preference, complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        preference.check()
