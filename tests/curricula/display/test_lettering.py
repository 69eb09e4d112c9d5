from __future__ import annotations

from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure

from curricula.display.lettering import drawable, lettered, lettering, write_words


def test_text_is_drawn_as_it_stands(tmp_path: Path) -> None:
    with lettering({"svg.fonttype": "none"}):
        figure = Figure()
        figure.text(0, 0, r"語 for $\frac$ 5")  # no formula, and a letter that matplotlib's own font lacks
        figure.savefig(tmp_path / "a.svg")
    assert r"語 for $\frac$ 5" in (tmp_path / "a.svg").read_text(encoding="utf-8")


@given(st.text(alphabet=st.characters()))
def test_what_is_lettered_is_printable_and_short(text: str) -> None:
    found = lettered(text, 10)
    assert found.isprintable()
    assert 1 <= len(found) <= 10
    assert found == text or not text or len(text) > 10 or not text.isprintable()


@given(st.lists(st.floats()))
def test_what_cannot_be_drawn_is_a_gap(values: list[float]) -> None:
    for given_value, found in zip(values, drawable(values), strict=True):
        assert found == given_value if abs(given_value) <= 1e30 else np.isnan(found)


def test_words_are_a_picture(tmp_path: Path) -> None:
    write_words(tmp_path / "a.png", "ValueError: " + "why " * 500)
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]
