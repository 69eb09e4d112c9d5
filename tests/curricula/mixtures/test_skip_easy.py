from __future__ import annotations

import math

import numpy as np
import pyarrow as pa
import pytest

from curricula.feedback import Feedback
from curricula.mixtures import SkipEasy
from curricula.mixtures.base import Moment
from curricula.mixtures.skip_easy import log_odds
from curricula.pool import Pool
from curricula.signal_table import SignalTable
from curricula.state import State
from lessons.errors import ConfigError
from lessons.lesson_set import LessonSet
from lessons.records import Message, Prompt
from lessons.rows import ANNOTATION_SCHEMA, PROMPT_SCHEMA, prompt_to_row


@pytest.fixture(scope="module")
def pool() -> Pool:
    """Sixty questions, every third of them about proofs."""
    texts = [f"{'prove the lemma' if k % 3 == 0 else 'add two numbers'} case {k}" for k in range(60)]
    rows = [prompt_to_row(Prompt(f"p{k}", (Message("user", text),))) for k, text in enumerate(texts)]
    lessons = LessonSet.join(pa.Table.from_pylist(rows, PROMPT_SCHEMA), ANNOTATION_SCHEMA.empty_table())
    return Pool.whole(lessons, SignalTable(lessons.ids, {}, ""))


def heard(pool: Pool, mixture: SkipEasy, informative: bool) -> State:
    generator, state = np.random.default_rng(0), mixture.start(pool)
    for update in range(1, 9):
        places = generator.permutation(60)[:16]
        losses = np.where(places % 3 == 0, 2.0, 1.0) if informative else generator.random(16)
        state = mixture.hear(pool, state, Feedback(update, places=places, lessons={"loss": losses}))
    return state


def test_the_odds_are_the_formula() -> None:
    """log P(hard) / P(easy) + sum over words of log P(has it, or not | hard) / P(... | easy), written out."""
    generator = np.random.default_rng(1)
    words, hard = generator.random((50, 7)) < 0.4, generator.random(50) < 0.3
    counts = np.bincount(hard).astype(float)
    odds = log_odds(np.stack([words[~hard].sum(0), words[hard].sum(0)]).astype(float), counts)
    for lesson in words:
        expected = math.log((counts[1] + 1) / (counts[0] + 1))
        for word, has in enumerate(lesson):
            q = (words[:, word].sum() + 0.5) / 51
            easy, difficult = ((words[hard == c, word].sum() + q) / (counts[int(c)] + 1) for c in (False, True))
            expected += math.log(difficult / easy) if has else math.log((1 - difficult) / (1 - easy))
        assert lesson @ odds[1:] + odds[0] == pytest.approx(expected)


def test_words_never_seen_tell_nothing() -> None:
    """Nine easy lessons and one hard: 4,000 unseen words do not outweigh the one that tells."""
    with_word = np.zeros((2, 4000))
    with_word[:, 0] = [0, 1]
    odds = log_odds(with_word, np.array([9.0, 1.0]))
    assert odds[0] < 0 < odds[0] + odds[1]


def test_what_is_taken_for_easy_is_skipped(pool: Pool) -> None:
    mixture = SkipEasy(begin=0.2)
    state = heard(pool, mixture, informative=True)
    assert state["surprise"].mean() < 0.6
    late = np.concatenate([mixture.draw(pool, state, Moment(update, 20, 4, 0)).places for update in range(4, 20)])
    early = np.concatenate([mixture.draw(pool, state, Moment(update, 20, 4, 0)).places for update in range(4)])
    assert (late % 3 == 0).mean() > 0.9
    assert (early % 3 == 0).mean() < 0.7
    assert all(len(set(mixture.draw(pool, state, Moment(k, 20, 4, 0)).places)) == 4 for k in range(20))


def test_nothing_is_skipped_on_the_word_of_a_bad_predictor(pool: Pool) -> None:
    mixture = SkipEasy(begin=0.0, trust=0.3)
    state = heard(pool, mixture, informative=False)
    drawn = np.concatenate([mixture.draw(pool, state, Moment(update, 60, 4, 0)).places for update in range(60)])
    assert 0.2 < (drawn % 3 == 0).mean() < 0.46


def test_only_the_last_losses_make_the_threshold(pool: Pool) -> None:
    mixture = SkipEasy(window=4)
    state = mixture.hear(pool, mixture.start(pool), Feedback(1, places=np.arange(4), lessons={"loss": np.arange(4.0)}))
    assert state["lessons"].tolist() == [2, 2]
    later = np.array([10.0, 9.0, np.nan, 11.0])
    state = mixture.hear(pool, state, Feedback(2, places=np.arange(4), lessons={"loss": later}))
    assert state["losses"].tolist() == [3, 10, 9, 11]  # the mean is 8.25: all three are hard
    assert state["lessons"].tolist() == [2, 5]


def test_wrong_settings_and_unheard_figures_are_refused(pool: Pool) -> None:
    with pytest.raises(ConfigError, match=r"begin=2, window=128, trust=0\.6, candidates=4 and terms=4096; begin must"):
        SkipEasy(begin=2).start(pool)
    with pytest.raises(ConfigError, match=r"listens for 'loss' by lesson, .* update 5 does not hold; it has: none"):
        SkipEasy().hear(pool, SkipEasy().start(pool), Feedback(5))
