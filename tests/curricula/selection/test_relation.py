from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from curricula.pool import Pool
from curricula.selection import relation
from curricula.selection.relation import NearestNeighbours
from lessons.errors import ConfigError


@pytest.mark.parametrize("exact_up_to", [1_000, 10])
def test_the_neighbours_are_those_of_all_pairs(
    make_pool: Callable[..., Pool], drawn_vectors: Callable, monkeypatch: pytest.MonkeyPatch, exact_up_to: int
) -> None:
    monkeypatch.setattr(relation, "EXACT_UP_TO", exact_up_to)
    generator = np.random.default_rng(0)
    vectors = generator.normal(size=(60, 3))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    links = NearestNeighbours(drawn_vectors(vectors), neighbours=4).links(make_pool(score=[0.5] * 60))
    cosines = vectors @ vectors.T
    expected = {
        (i, int(j)) for i in range(60) for j in np.argsort(-cosines[i])[:5] if cosines[i, j] > 0
    }  # itself and four more
    found = set(zip(links.covered.tolist(), links.by.tolist(), strict=True))
    assert len(found & expected) >= 0.9 * len(expected)
    assert found == expected or exact_up_to == 10  # an inverted file may miss a few
    np.testing.assert_allclose(links.worth, np.minimum(cosines[links.covered, links.by], 1), atol=1e-5)


def test_no_neighbours_are_refused(make_pool: Callable[..., Pool], drawn_vectors: Callable) -> None:
    with pytest.raises(ConfigError, match=r"neighbours=0; at least 1"):
        NearestNeighbours(drawn_vectors(np.eye(2)), 0).links(make_pool(score=[0.5] * 2))
