from __future__ import annotations

import pytest

from curricula.libraries import needed_by
from lessons.errors import MissingDependency


def test_a_missing_library_is_named_with_the_command_that_installs_it() -> None:
    with (
        pytest.raises(MissingDependency, match=r"str needs the package no_such_library.*Run: pip install 'tutelage\["),
        needed_by("part"),
    ):
        import no_such_library  # noqa: F401
