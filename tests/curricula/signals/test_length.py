from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curricula import Length
from curricula.signals.length import last_contents
from lessons.errors import ConfigError
from lessons.lesson_set import LessonSet
from lessons.tables import PROMPT_SCHEMA

Make = Callable[..., LessonSet]


@pytest.mark.parametrize(
    ("of", "unit", "expected"),
    [
        ("question", "characters", [len("What is 0 plus 0?")] * 2),
        ("question", "words", [5, 5]),
        ("reference", "characters", [1, 1]),
        ("rationale", "words", [4, 4]),
        ("difficulty", "characters", [5, np.nan]),
        ("critique", "words", [np.nan, np.nan]),
    ],
)
def test_every_part_can_be_measured(make_lessons: Make, of: str, unit: str, expected: list[float]) -> None:
    signal = Length(of, unit)  # type: ignore[arg-type]
    assert signal.name == f"{of}_{unit}"
    np.testing.assert_array_equal(signal.compute(make_lessons([0.5, None])).values, expected)


def test_characters_are_counted_not_bytes() -> None:
    np.testing.assert_array_equal(Length().count(pa.array(["été", None, ""])), [3, np.nan, 0])


def test_an_unknown_unit_is_refused(make_lessons: Make) -> None:
    with pytest.raises(ConfigError, match=r"cannot count 'tokens'; allowed are 'characters' and 'words'\. Correct"):
        Length(unit="tokens").compute(make_lessons([0.5]))  # type: ignore[arg-type]


@given(st.lists(st.one_of(st.none(), st.text("ab é\u00a0\u3000\n\t\u2028", max_size=8)), max_size=8), st.integers(0, 8))
def test_words_are_counted_as_python_splits_them(texts: list[str | None], cut: int) -> None:
    column = pa.chunked_array([texts[:cut], texts[cut:]], pa.string())
    expected = [np.nan if text is None else len(text.split()) for text in texts]
    np.testing.assert_array_equal(Length(unit="words").count(column), expected)


messages = st.fixed_dictionaries({"role": st.just("user"), "content": st.text(max_size=3)})


@given(st.lists(st.lists(messages, min_size=1, max_size=3), max_size=6), st.integers(0, 6), st.integers(0, 6))
def test_the_last_message_is_found_across_chunks_and_slices(
    rows: list[list[dict[str, str]]], cut: int, start: int
) -> None:
    kind = PROMPT_SCHEMA.field("messages").type
    column = pa.chunked_array([rows[:cut], rows[cut:]], kind).slice(min(start, len(rows)))
    assert last_contents(column).to_pylist() == [row[-1]["content"] for row in rows[start:]]
