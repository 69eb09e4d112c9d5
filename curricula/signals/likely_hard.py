"""How likely a lesson is hard, learnt from a few dear labels that are asked for round by round."""

from __future__ import annotations

from typing import Any

import numpy as np

from curricula.arrays import Positions, Scores
from curricula.libraries import needed_by
from curricula.signals.base import Column, NamedSignal, Signal
from curricula.signals.embedding import Embedding, Vectors
from lessons.errors import ConfigError, DataError
from lessons.lesson_set import LessonSet

__all__ = ["LikelyHard"]


class LikelyHard(NamedSignal):
    """A hard or easy label for a few lessons, and for all how likely they are hard: IterSelectTune.

    In every round a few lessons that differ (the nearest to k-means centres) are labelled by a dear signal, such as a
    judge's gap between the student's answer and the reference; a classifier of the vectors, fitted on the labels of the
    rounds before, is tried on them and fitted anew, until it is right often enough. The score of a lesson is then

        (1 - likeness_weight) P(hard) + likeness_weight max over the labelled hard ones of their cosine with it

    (IterSelectTune, 2024, arXiv:2410.13464 unchecked: there GPT-4 labels and BERT classifies; a logistic regression,
    the weight and the way the next ones are chosen are our reading). The dear signal sees no others than those to be
    labelled; the provenance holds how many they were, and how right the classifier was round by round.

    Args:
        target: The dear signal; larger is harder.
        embedding: Vectors of the lessons.
        hard_above: A lesson whose value is above this is hard.
        labels_per_round: Lessons labelled in every round, at least 2.
        rounds: At most so many rounds, at least 1.
        goal: Share of new labels that the classifier must get right to stop early, in (0, 1].
        likeness_weight: Weight of the likeness to the hard ones, in [0, 1].
        seed: Seed of the clusters.
        called: Name of the column.
    """

    def __init__(
        self,
        target: Signal,
        embedding: Embedding,
        hard_above: float = 0.5,
        labels_per_round: int = 100,
        rounds: int = 3,
        goal: float = 0.95,
        likeness_weight: float = 0.5,
        seed: int = 0,
        called: str = "likely_hard",
    ) -> None:
        super().__init__(called)
        self.target = target
        self.embedding = embedding
        self.hard_above = hard_above
        self.labels_per_round = labels_per_round
        self.rounds = rounds
        self.goal = goal
        self.likeness_weight = likeness_weight
        self.seed = seed

    def compute(self, lessons: LessonSet) -> Column:
        """Label, fit and score.

        Raises:
            ConfigError: The settings are outside their range.
            DataError: All labels are the same, so that nothing can be told apart.
        """
        self.check()
        vectors = np.ascontiguousarray(self.embedding.embed(lessons, np.arange(len(lessons))), np.float32)
        with needed_by(self):
            hard, tried, accuracies = self.label(lessons, vectors)
            chance = self.chances(vectors, hard, vectors)
            likeness = nearest_cosine(vectors, vectors[hard == 1])
        facts = {"labels": tried, "hard": int((hard == 1).sum()), "accuracy_by_round": accuracies}
        score = (1 - self.likeness_weight) * chance + self.likeness_weight * likeness
        return Column(score, provenance={"target": self.target.name, **facts})

    def check(self) -> None:
        """Refuse settings outside their range."""
        if not (
            self.labels_per_round >= 2 and self.rounds >= 1 and 0 < self.goal <= 1 and 0 <= self.likeness_weight <= 1
        ):
            raise ConfigError(
                f"LikelyHard got labels_per_round={self.labels_per_round}, rounds={self.rounds}, goal={self.goal} and "
                f"likeness_weight={self.likeness_weight}; allowed are 2 labels a round or more, 1 round or more, a "
                "goal above 0 and up to 1, and a weight from 0 to 1. Correct them."
            )

    def label(self, lessons: LessonSet, vectors: Vectors) -> tuple[Scores, int, list[float]]:
        """Ask round by round.

        Returns:
            1 for lessons labelled hard, 0 for easy, NaN for the others, [lessons]; how many were labelled; the share
            that the classifier got right of each round's new labels, from the second round on.
        """
        hard = np.full(len(lessons), np.nan)
        asked = np.zeros(len(lessons), bool)
        accuracies: list[float] = []
        for number in range(self.rounds):
            left = np.flatnonzero(~asked)
            if not len(left):
                break
            chosen = left[differing(vectors[left], self.labels_per_round, self.seed + number)]
            asked[chosen] = True
            values = self.target.measure(lessons.subset(chosen)).values
            new = np.where(np.isnan(values), np.nan, values > self.hard_above)
            known = ~np.isnan(new)
            if number and known.any() and both_kinds(hard):
                guessed = self.chances(vectors, hard, vectors[chosen[known]]) > 0.5
                accuracies.append(float((guessed == new[known]).mean()))
            hard[chosen] = new
            if accuracies and accuracies[-1] >= self.goal:
                break
        if not both_kinds(hard):
            raise DataError(
                f"LikelyHard cannot tell hard from easy: {(hard == 1).sum()} of {asked.sum()} lessons labelled by "
                f"{self.target.name!r} are hard, {(hard == 0).sum()} easy, and both kinds are needed. Change "
                f"hard_above (now {self.hard_above:g}), or label more lessons."
            )
        return hard, int(asked.sum()), accuracies

    def chances(self, vectors: Vectors, hard: Scores, wanted: Vectors) -> Scores:
        """Fit on the labelled lessons and return P(hard) of the wanted vectors, float64 [wanted]."""
        from sklearn.linear_model import LogisticRegression

        known = ~np.isnan(hard)
        model: Any = LogisticRegression(max_iter=1000).fit(vectors[known], hard[known])
        found: Scores = np.asarray(model.predict_proba(wanted)[:, 1], np.float64)
        return found


def both_kinds(hard: Scores) -> bool:
    """Whether some lessons are labelled hard and some easy."""
    return bool((hard == 1).any() and (hard == 0).any())


def differing(vectors: Vectors, count: int, seed: int) -> Positions:
    """Return up to `count` places of vectors that differ: the nearest to each centre of k-means, rising."""
    import faiss

    if count >= len(vectors):
        return np.arange(len(vectors))
    means = faiss.Kmeans(
        vectors.shape[1], count, niter=20, seed=seed + 1, min_points_per_centroid=1, max_points_per_centroid=256
    )
    means.train(vectors)
    index: Any = faiss.IndexFlatL2(vectors.shape[1])
    index.add(vectors)
    return np.unique(np.asarray(index.search(means.centroids, 1)[1][:, 0], np.int64))


def nearest_cosine(vectors: Vectors, others: Vectors) -> Scores:
    """Return the highest cosine of each vector with one of the others, all of length 1, float64 [vectors]."""
    import faiss

    index: Any = faiss.IndexFlatIP(vectors.shape[1])
    index.add(np.ascontiguousarray(others))
    return np.asarray(index.search(vectors, 1)[0][:, 0], np.float64)
