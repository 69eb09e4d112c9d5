"""Lessons whose words say that they are easy by now, skipped."""

from __future__ import annotations

from typing import Any

import numpy as np

from curricula.arrays import Scores
from curricula.feedback import Feedback
from curricula.libraries import needed_by
from curricula.mixtures.base import Draw, Mixture, Moment, even_weights
from curricula.mixtures.prefix import some_of
from curricula.pool import Pool, Same
from curricula.signals.texts import lesson_texts
from curricula.state import State
from lessons.errors import ConfigError

__all__ = ["SkipEasy", "log_odds"]


class SkipEasy(Mixture):
    """Draws evenly, but skips what a naive Bayes of the words takes for easy: after multistage filtering.

    A lesson is hard if its loss is above the mean of the last `window` losses heard. From the losses heard, a Bernoulli
    naive Bayes learns which words make a lesson hard; once its predictions are good enough, lessons that it takes for
    easy are skipped without a forward pass (arXiv:2207.14386). Our reading: the authors also have a stage that skips
    by the loss itself after a forward pass of every lesson, which a plan cannot see. Where too few candidates are taken
    for hard, the least easy of the others come too.

    Args:
        figure: Name of the figure by lesson in the student's feedback.
        begin: s_0: share of the run in which nothing is skipped, in [0, 1].
        window: Losses that make the mean, and predictions that are judged, at least 1.
        trust: epsilon: skip only while the mean log-loss of the last predictions is at most this; 0.69 is chance.
        candidates: Lessons looked at for each one drawn, at least 1.
        of: The text whose words count: "question", "reference", or a kind of annotation.
        terms: Number of different words told apart; more share a place.
    """

    hears = True

    def __init__(
        self,
        figure: str = "loss",
        begin: float = 0.05,
        window: int = 128,
        trust: float = 0.6,
        candidates: int = 4,
        of: str = "question",
        terms: int = 4096,
    ) -> None:
        self.figure = figure
        self.begin = begin
        self.window = window
        self.trust = trust
        self.candidates = candidates
        self.of = of
        self.terms = terms

    def start(self, pool: Pool) -> State:
        """Return the state in which nothing is known of any word."""
        if not (0 <= self.begin <= 1 and min(self.window, self.candidates, self.terms) >= 1 and self.trust > 0):
            raise ConfigError(
                f"SkipEasy got begin={self.begin}, window={self.window}, trust={self.trust}, candidates="
                f"{self.candidates} and terms={self.terms}; begin must lie in [0, 1], trust be above 0, the others at "
                "least 1. Correct them."
            )
        empty = np.empty(0)
        return {"losses": empty, "surprise": empty, "with_word": np.zeros((2, self.terms)), "lessons": np.zeros(2)}

    def hear(self, pool: Pool, state: State, feedback: Feedback) -> State:
        """Judge the last predictions, then learn from the losses."""
        places, losses = feedback.by_lesson(self.figure)
        words = self.words(pool)[places]
        recent = np.concatenate([state["losses"], losses])[-self.window :]
        hard = losses > recent.mean() if len(recent) else np.empty(0, bool)
        odds = log_odds(state["with_word"], state["lessons"])
        surprise = np.logaddexp(0.0, np.where(hard, -1.0, 1.0) * (words @ odds[1:] + odds[0]))
        return {
            "losses": recent,
            "surprise": np.concatenate([state["surprise"], surprise])[-self.window :],
            "with_word": state["with_word"] + np.stack([words.T @ ~hard, words.T @ hard]).astype(np.float64),
            "lessons": state["lessons"] + [(~hard).sum(), hard.sum()],
        }

    def draw(self, pool: Pool, state: State, moment: Moment) -> Draw:
        """Draw candidates, and keep those taken for hard."""
        generator, trusted = moment.generator(), len(state["surprise"]) and state["surprise"].mean() <= self.trust
        if not trusted or moment.progress < self.begin:
            return even_weights(some_of(len(pool), moment.count, generator))
        found = some_of(len(pool), min(len(pool), moment.count * self.candidates), generator)
        odds = pool.once(
            (self, "odds"), Same(state["with_word"]), lambda: log_odds(state["with_word"], state["lessons"])
        )
        predicted = self.words(pool)[found] @ odds[1:] + odds[0]
        order = np.argsort(
            np.where(predicted > 0, -np.inf, -predicted), kind="stable"
        )  # hard ones as drawn, then the rest
        return even_weights(np.resize(found[order], moment.count))

    def words(self, pool: Pool) -> Any:
        """Return which words each lesson has, a sparse matrix of 0 and 1, [lessons, terms]."""
        return pool.once((self, "words"), None, lambda: self.count_words(pool))

    def count_words(self, pool: Pool) -> Any:
        """Look the words up."""
        with needed_by(self):
            from sklearn.feature_extraction.text import HashingVectorizer
        texts = lesson_texts(pool.lessons, self.of, pool.rows).fill_null("").to_pylist()
        look = HashingVectorizer(n_features=self.terms, binary=True, norm=None, alternate_sign=False, dtype=np.float32)
        return look.transform(texts)


def log_odds(with_word: Scores, lessons: Scores) -> Scores:
    """Return the constant and every word's part of log P(hard | words) - log P(easy | words), float64 [1 + terms].

    Bernoulli naive Bayes: P(word | class) = (n_word + q) / (n + 1), q = (N_word + 1/2) / (N + 1) over both classes, and
    words never seen tell nothing. With the usual one more lesson with and without every word, the thousands that were
    never seen would together take every lesson for one of the smaller class.

    Args:
        with_word: Easy and hard lessons that have each word, float64 [2, terms].
        lessons: Easy and hard lessons, float64 [2].
    """
    overall = (with_word.sum(axis=0) + 0.5) / (lessons.sum() + 1)
    chance = (with_word + overall) / (lessons[:, None] + 1)
    has, lacks = np.log(chance), np.log1p(-chance)
    seen = with_word.any(axis=0)
    parts = np.where(seen, (has - lacks)[1] - (has - lacks)[0], 0.0)
    constant = np.log(lessons[1] + 1) - np.log(lessons[0] + 1) + (lacks[1] - lacks[0])[seen].sum()
    return np.concatenate([[constant], parts])
