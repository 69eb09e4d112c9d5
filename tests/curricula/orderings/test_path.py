from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from curricula import Shuffled
from curricula.orderings.path import CentroidPath
from curricula.pool import Pool
from lessons.errors import ConfigError


def test_the_path_goes_from_each_group_to_the_nearest(make_pool: Callable[..., Pool], drawn_vectors: Callable) -> None:
    along = {"a": 0.0, "b": 5.0, "c": 1.0, "d": 2.5}
    topics = list("abcdabcd")
    pool = make_pool(score=[0.5] * 8, topic=topics)
    vectors = np.array([[along[topic], 0.1 * k] for k, topic in enumerate(topics)])

    def walked(start: str | None) -> str:
        ordering = CentroidPath("topic", drawn_vectors(vectors), Shuffled(), start)
        order = ordering.arrange(pool, pool.values("score"), np.random.default_rng(0)).order
        return "".join(topics[k] for k in order[::2])

    assert walked("a") == "acdb"
    assert walked("d") == "dcab"
    assert walked(None) == "bdca"  # the far end
    with pytest.raises(ConfigError, match=r"`start` names the unknown group 'z'"):
        walked("z")
