from __future__ import annotations

import pytest

from lessons.errors import ConfigError
from teachers import Limits


@pytest.mark.parametrize("name", ["in_flight", "attempts", "failures_in_a_row"])
def test_limits_that_cannot_work_are_refused(name: str) -> None:
    with pytest.raises(ConfigError, match=f"Limits {name} must be 1 or more, got 0"):
        Limits(**{name: 0}).check()
