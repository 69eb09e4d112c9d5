from __future__ import annotations

import math
import os
import socket
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from lessons.errors import ConfigError
from lessons.records import Lesson
from students import RationaleThenAnswer, Student
from students.scoring import Pair, Scoring, batches, score
from tests.forked import Forker

Make = Callable[[int], list[Lesson]]


def pairs_of(lessons: list[Lesson]) -> list[Pair]:
    exercises = [RationaleThenAnswer().exercises(lesson)[0] for lesson in lessons]
    return [Pair(e.messages, e.answer, alone) for e in exercises for alone in (False, True)]


def by_hand(student: Student, pair: Pair) -> tuple[float, float, float, int]:
    """Return (nll, error norm, squared misses, tokens) of one pair, by token in float64, from a model read alone."""
    encoded = student.encoder.encode([(pair.messages, pair.text)])[0]
    context = [student.tokenizer.bos_token_id or student.encoder.end_of_turn] if pair.alone else encoded.prompt_ids
    ids = context + encoded.completion_ids
    with torch.no_grad():
        logits = student.model(input_ids=torch.tensor([ids])).logits[0].double().tolist()
    nll = error = miss = 0.0
    for place in range(len(context), len(ids)):
        row = logits[place - 1]
        top = max(row)
        norm = math.fsum(math.exp(x - top) for x in row)
        p = [math.exp(x - top) / norm for x in row]
        nll -= math.log(p[ids[place]])
        miss += (1 - p[ids[place]]) ** 2
        error += math.sqrt(math.fsum((x - (k == ids[place])) ** 2 for k, x in enumerate(p)))
    return nll, error, miss, len(encoded.completion_ids)


def test_batched_scores_equal_one_by_one_in_plain_python(tiny_student: Student, make_lessons: Make) -> None:
    pairs = pairs_of(make_lessons(7))
    found = score(tiny_student, pairs, Scoring(tokens_per_batch=150))
    for number, pair in enumerate(pairs):
        nll, error, miss, tokens = by_hand(tiny_student, pair)
        assert found.nll[number] == pytest.approx(nll, rel=1e-5)
        assert found.error[number] == pytest.approx(error, rel=1e-5)
        assert found.tokens[number] == tokens
        assert found.mean_nll[number] == pytest.approx(nll / tokens, rel=1e-5)
        assert found.distance[number] == pytest.approx(math.sqrt(miss / tokens), rel=1e-5)
        assert found.mean_error[number] == pytest.approx(error / tokens, rel=1e-5)


def test_the_model_is_left_in_its_mode_and_progress_is_told(tiny_student: Student, make_lessons: Make) -> None:
    tiny_student.model.train()
    told: list[int] = []
    score(tiny_student, pairs_of(make_lessons(3)), progress=told.append)
    assert tiny_student.model.training
    assert told == [6]


def test_too_long_texts_have_no_score_and_the_others_do(tiny_student: Student, make_lessons: Make) -> None:
    lessons = make_lessons(1)
    (short, _), long = pairs_of(lessons), Pair(lessons[0].prompt.messages, "1" * 200)
    found = score(tiny_student, [long, short])
    assert np.isnan(found.nll[0])
    assert np.isnan(found.mean_nll[0])
    assert found.tokens.tolist() == [0, found.tokens[1]]
    assert found.nll[1] == pytest.approx(by_hand(tiny_student, short)[0], rel=1e-5)


def test_nothing_to_score_is_no_error(tiny_student: Student) -> None:
    assert len(score(tiny_student, []).nll) == 0


def test_sizes_outside_their_range_are_refused(tiny_student: Student) -> None:
    with pytest.raises(ConfigError, match=r"Scoring got tokens_per_batch = 0; allowed are whole numbers from 1"):
        score(tiny_student, [], Scoring(tokens_per_batch=0))


def test_batches_keep_within_the_tokens_and_lose_nothing() -> None:
    lengths = sorted(np.random.default_rng(0).integers(1, 300, 200).tolist(), reverse=True)
    runs = list(batches(lengths, 512))
    assert [k for run in runs for k in run] == list(range(200))
    assert all(len(run) == 1 or len(run) * lengths[run.start] <= 512 for run in runs)


SHARED_OUT = """
import sys, numpy
from lessons.records import Message
from students import RandomWeights, Student
from students.scoring import Pair, score
student = Student(RandomWeights(hidden_size=16, layers=2, heads=2), precision="float32")
pairs = [Pair((Message("user", f"{k}+{k}=?"),), "7" * (1 + k % 5), k % 2 == 0) for k in range(11)]
pairs.append(Pair((Message("user", "?"),), "1" * 5000))
found = score(student, pairs)
numpy.save(sys.argv[1], numpy.stack([found.nll, found.error, found.tokens]))
"""


def test_two_processes_share_the_work_and_both_get_all_of_it(tmp_path: Path, programs: Forker) -> None:
    (tmp_path / "shared_out.py").write_text(SHARED_OUT)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    launched = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    runs = {"alone": {}, "0": {**launched, "RANK": "0"}, "1": {**launched, "RANK": "1"}}
    processes = [
        programs.start("shared_out", [str(tmp_path / name)], tmp_path, {**os.environ, **environment})
        for name, environment in runs.items()
    ]
    assert [process.wait() for process in processes] == [0, 0, 0]
    alone, *ranks = (np.load(tmp_path / f"{name}.npy") for name in runs)
    assert np.isnan(alone[0]).sum() == 1
    for found in ranks:
        np.testing.assert_allclose(found, alone, rtol=1e-6)
