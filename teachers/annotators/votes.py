"""Several votes on one label made one: their mean, and how far they agree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import reduce
from itertools import combinations
from statistics import fmean

from lessons.records import Annotation
from teachers.annotators.repair import sum_known

__all__ = ["agreement", "mean_vote"]


def mean_vote(votes: Sequence[Annotation]) -> Annotation:
    """Return one annotation for all votes: the one nearest to the mean, with the mean as its value.

    Its data has the `votes` that could be read, in their order, and their `agreement`; its provenance the cost of all.
    With less than half of the votes readable it has a problem.
    """
    cost = reduce(sum_known, [vote.provenance for vote in votes[1:]], votes[0].provenance)
    read = [(vote.value, vote) for vote in votes if vote.problem is None and vote.value is not None]
    values = [value for value, _ in read]
    data = {"votes": values, "agreement": agreement(values)}
    if 2 * len(read) < len(votes):
        problem = f"only {len(read)} of {len(votes)} votes could be read; the first says: {first_problem(votes)}"
        return replace(votes[0], answer=None, value=None, data=data, problem=problem, provenance=cost)
    mean = fmean(values)
    _, nearest = min(read, key=lambda pair: abs(pair[0] - mean))
    provenance = replace(cost, request_key=nearest.provenance.request_key, finish_reason="stop")
    return replace(nearest, sample=0, value=mean, data=data, provenance=provenance)


def agreement(values: Sequence[float]) -> float | None:
    """Return 1 less the mean distance of two votes on a scale from 0 to 1; None with fewer than two votes.

    >>> agreement([0.5, 0.5, 0.5]), agreement([0.0, 1.0])
    (1.0, 0.0)
    """
    pairs = list(combinations(values, 2))
    return 1.0 - fmean(abs(one - other) for one, other in pairs) if pairs else None


def first_problem(votes: Sequence[Annotation]) -> str:
    """Return why the first unreadable vote could not be read."""
    return next(vote.problem for vote in votes if vote.problem is not None)
