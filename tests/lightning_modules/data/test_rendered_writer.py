from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lightning_modules.data.rendered import RenderedLessons
from lightning_modules.data.rendered_writer import GrowingArray, RenderedWriter
from students import Example

pieces = st.lists(st.lists(st.integers(-(2**31), 2**31 - 1), max_size=5), max_size=6)


@settings(max_examples=25)
@given(pieces, pieces)
def test_an_array_in_a_file_is_the_one_in_memory(
    tmp_path_factory: pytest.TempPathFactory, own: list, taken: list
) -> None:
    folder = tmp_path_factory.mktemp("arrays")
    made = []
    for file, other in ((None, None), (folder / "a.npy", folder / "b.npy")):
        array, second = GrowingArray(np.int32, file), GrowingArray(np.int32, other)
        for values in own:
            array.append(values)
        for values in taken:
            second.append(values)
        array.take_over(second)
        made.append(array.complete())
    expected = [value for values in own + taken for value in values]
    assert [array.tolist() for array in made] == [expected, expected]
    assert np.load(folder / "a.npy").tolist() == expected
    assert not (folder / "b.npy").exists()
    assert isinstance(made[1], np.memmap) == bool(expected)


@pytest.mark.parametrize("in_files", [False, True])
def test_views_come_one_after_the_other_however_the_lessons_came(tmp_path: Path, in_files: bool) -> None:
    shown = {
        name: [Example(name, [k, k + 1, view], [0.0, 1.0, 0.5], "answer", view, reward) for view in (0, 1)]
        for k, (name, reward) in enumerate([("a", 1.0), ("b", None), ("c", 0.0)])
    }
    writer = RenderedWriter(["answer"], 2, tmp_path if in_files else None)
    for name, examples in shown.items():
        writer.add({name: examples})
    found = RenderedLessons.written_by(writer)
    assert found.ids == ("a", "b", "c") * 2
    assert [found.sequence(k).tokens.tolist() for k in range(6)] == [[k, k + 1, v] for v in (0, 1) for k in range(3)]
    assert np.nan_to_num(found.rewards, nan=-1).tolist() == [1, -1, 0] * 2
    assert found.fingerprint == RenderedLessons.of(shown, ["answer"]).fingerprint
