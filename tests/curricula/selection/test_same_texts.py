from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curricula.selection import same_texts as module
from curricula.selection.same_texts import normalised, same_texts, text_keys

texts = st.lists(st.none() | st.text("ab  \n\t.?\u00dc\u00fc", max_size=5), max_size=30)


def by_dictionary(values: list[str | None]) -> list[int]:
    found, firsts = {}, []
    for place, text in enumerate(pc.utf8_trim(
        pc.replace_substring_regex(pc.utf8_lower(pa.array(values, pa.string())), r"\s+", " "), " .,;:!?\"'"
    ).to_pylist()):  # fmt: skip
        firsts.append(-1 if text is None else found.setdefault(text, place))
    return firsts


@given(values=texts, block=st.integers(1, 9), skip=st.integers(0, 3))
def test_the_first_of_equal_texts_is_found(values: list[str | None], block: int, skip: int) -> None:
    whole = pa.array([*["other"] * skip, *values], pa.string())
    with pytest.MonkeyPatch.context() as changed:
        changed.setattr(module, "TEXTS_PER_BLOCK", block)
        assert same_texts(whole.slice(skip)).tolist() == by_dictionary(values)


@given(values=texts)
def test_texts_that_share_a_key_by_chance_stay_apart(values: list[str | None]) -> None:
    with pytest.MonkeyPatch.context() as changed:
        changed.setattr(module, "text_keys", lambda array: np.zeros(len(array), np.uint64))
        assert same_texts(pa.array(values, pa.string())).tolist() == by_dictionary(values)


def test_keys_of_many_texts_differ() -> None:
    numbers = pa.array(np.arange(200_000)).cast(pa.string())
    assert len(np.unique(text_keys(numbers))) == 200_000
    assert text_keys(pa.array(["", None, "\x00"], pa.string())).tolist()[:2] == [0, 0]
    assert text_keys(pa.array(["\x00"]))[0] != 0


def test_every_kind_of_gap_becomes_a_space() -> None:
    assert normalised(pa.array(["a  b", "a\tb", "a\r\nb", "a\fb", "a b"])).to_pylist() == ["a b"] * 5
