from __future__ import annotations

from functools import cache

from lessons.records import Annotation, Provenance
from lessons.written import Written


def test_one_reading_serves_a_whole_block() -> None:
    source, reads = Provenance("t", "m", "x/1", "k"), []
    block = [tuple(Annotation("p", "rationale", k, f"{k}", source) for k in range(count)) for count in (0, 3)]
    of_block = cache(lambda: (reads.append(1), block)[1])
    nothing, three = Written(of_block, 0), Written(of_block, 1)
    assert reads == []
    assert (len(nothing), len(three), reads) == (0, 3, [1])
    assert [found.text for found in three] == ["0", "1", "2"]
    assert three[-1].text == "2"
    assert [found.sample for found in three[1:]] == [1, 2]
    assert list(nothing) == []
