"""A few known values, and a small model of the words that predicts the others."""

from __future__ import annotations

import numpy as np

from curricula.arrays import Scores
from curricula.libraries import needed_by
from curricula.ranks import rank_correlation
from curricula.signals.base import Column, NamedSignal, Signal
from curricula.signals.texts import lesson_texts
from lessons.errors import ConfigError, DataError
from lessons.lesson_set import LessonSet

__all__ = ["TextProxy"]

TERMS = 2**18


class TextProxy(NamedSignal):
    """A signal known for some lessons, predicted for all from their words: a dear judge asked about a sample only.

    Ridge regression on hashed words and pairs of words, weighted by rarity (scikit-learn). Lessons with a known value
    are predicted by models that did not see it, so that known and new values are of one kind; the rank correlation of
    those predictions with the known values is in the provenance: how far the proxy can be trusted.

    Args:
        target: The signal to predict.
        of: "question", "reference", or a kind of annotation; a lesson without it gets no prediction.
        called: Name of the column.
        ridge: Strength of the penalty, above 0.
        folds: Parts that the known lessons are cut into, at least 2.
        seed: Seed of the cut.
    """

    def __init__(
        self,
        target: Signal,
        of: str = "question",
        called: str = "predicted",
        ridge: float = 1.0,
        folds: int = 5,
        seed: int = 0,
    ) -> None:
        super().__init__(called)
        self.target = target
        self.of = of
        self.ridge = ridge
        self.folds = folds
        self.seed = seed

    def compute(self, lessons: LessonSet) -> Column:
        """Fit and predict."""
        if not (self.ridge > 0 and self.folds >= 2):
            raise ConfigError(
                f"TextProxy got ridge={self.ridge} and folds={self.folds}; the ridge must be above 0, folds at least "
                "2. Correct them."
            )
        column = self.target.measure(lessons)
        texts = lesson_texts(lessons, self.of)
        there = np.flatnonzero(~texts.is_null().to_numpy(zero_copy_only=False))
        known = ~np.isnan(column.values[there])
        if column.labels or known.sum() < 2 * self.folds:
            raise DataError(
                f"TextProxy can learn {self.target.name!r} from {known.sum()} lessons with a number and a {self.of}; "
                f"at least {2 * self.folds} are needed for {self.folds} folds. Measure it on more lessons."
            )
        predicted = np.full(len(lessons), np.nan)
        with needed_by(self):
            predicted[there] = self.predict(texts.drop_null().to_pylist(), column.values[there])
        agreement = rank_correlation(predicted, column.values)
        facts = {
            "target": column.provenance,
            "fitted_on": int(known.sum()),
            "rank_correlation": None if np.isnan(agreement) else agreement,
        }
        return Column(predicted, column.unit, facts)

    def predict(self, texts: list[str], target: Scores) -> Scores:
        """Return a prediction for each text, float64 [texts]."""
        from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer
        from sklearn.linear_model import Ridge
        from sklearn.model_selection import KFold, cross_val_predict

        counts = HashingVectorizer(n_features=TERMS, alternate_sign=False, ngram_range=(1, 2)).transform(texts)
        terms, known = TfidfTransformer().fit_transform(counts), ~np.isnan(target)
        model = Ridge(alpha=self.ridge, solver="sparse_cg")
        predicted = np.asarray(model.fit(terms[known], target[known]).predict(terms), np.float64)
        folds = KFold(self.folds, shuffle=True, random_state=self.seed)
        predicted[known] = cross_val_predict(model, terms[known], target[known], cv=folds)
        return predicted
