from __future__ import annotations

import json

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from curricula.state import pack, unpack

arrays = hnp.arrays(st.sampled_from([np.float64, np.int64, np.bool_]), hnp.array_shapes(min_side=0, max_dims=2))


@given(st.dictionaries(st.text(max_size=5), st.one_of(arrays, st.integers(), st.lists(arrays, max_size=2)), max_size=3))
def test_a_state_comes_back_from_json_bit_for_bit(state: dict[str, object]) -> None:
    np.testing.assert_equal(unpack(json.loads(json.dumps(pack(state)))), state)


def test_numbers_of_numpy_become_plain_ones() -> None:
    assert pack({"seen": np.int64(3), "mean": [np.float64(0.5)]}) == {"seen": 3, "mean": [0.5]}
