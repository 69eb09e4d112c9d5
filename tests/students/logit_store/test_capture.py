"""What is stored against the teacher's own logits; and stores that are begun, killed, shared out and refused."""

from __future__ import annotations

import math
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from lessons.errors import ConfigError, DataError
from students import CharacterTokenizer, Example, LogitStore, LoRA, RandomWeights, Student
from students.logit_store import Capture, Captured, Stamp, capture, distributions, key_of
from students.ranks import Ranks

SIZES: dict[str, Any] = {"hidden_size": 16, "layers": 1, "heads": 2, "seed": 3}
VOCABULARY = 103


def teacher(**settings: Any) -> Student:
    return Student(RandomWeights(**{**SIZES, **settings}), precision="float32")


@pytest.fixture(scope="module")
def examples() -> list[Example]:
    return drawn_examples()


def drawn_examples() -> list[Example]:
    """Return 23 sequences of 4 to 40 tokens, some of them supervised in the middle only, one twice."""
    draw = np.random.default_rng(0)
    made = []
    for number in range(22):
        length = int(draw.integers(4, 41))
        weights = (np.arange(length) >= length // 3).astype(float)
        weights[-1] = float(number % 3 > 0)
        made.append(Example(f"p{number}", draw.integers(0, VOCABULARY, length).tolist(), weights.tolist(), "answer"))
    return [*made, Example("again", made[4].input_ids, made[4].weights, "answer", view=1)]


@pytest.fixture
def store(examples: list[Example], tmp_path: Path) -> Callable[..., Captured]:
    def write(
        settings: Capture | None = None, taught: Student | None = None, ranks: Ranks | None = None, **changed: Any
    ) -> Captured:
        who = taught or teacher()
        given = changed.get("examples", examples)
        folder = changed.get("folder", tmp_path / "store")
        return capture(who, changed.get("reader", who), given, "AnswerOnly", folder, settings or SMALL, ranks)

    return write


SMALL = Capture(tokens_kept=5, tokens_per_batch=100, sequences_per_shard=4)


def read(folder: Path, example: Example) -> np.ndarray[Any, Any]:
    found = LogitStore(str(folder))
    firsts = found.find(np.array([key_of(example.input_ids, example.weights)], np.uint64))
    return found.read(firsts, [sum(w > 0 for w in example.weights[1:])])


@pytest.mark.parametrize(("kept", "kind"), [(5, "float16"), (VOCABULARY, "float32")])
def test_what_is_stored_is_what_the_teacher_says(
    store: Callable[..., Captured], examples: list[Example], tmp_path: Path, kept: int, kind: Any
) -> None:
    made = store(Capture(kept, kind, 100, 4))
    assert (made.stamp.sequences, made.written, made.missing) == (22, 6, 0)  # the one that comes twice is stored once
    model = teacher().weights.load(torch.float32).model.double()
    for example in examples:
        records = read(tmp_path / "store", example)
        logs = model(input_ids=torch.tensor([example.input_ids])).logits[0].log_softmax(-1).detach()
        at = [t - 1 for t in range(1, len(example.weights)) if example.weights[t] > 0]
        assert len(records) == len(at) > 0
        for record, expected in zip(records, logs[at].tolist(), strict=True):
            ids, exact = record["ids"].tolist(), 1e-3 if kind == "float16" else 1e-5
            assert len(set(ids)) == kept
            assert record["logs"].tolist() == pytest.approx([expected[v] for v in ids], rel=exact, abs=exact)
            assert record["logs"].tolist() == pytest.approx(sorted(expected)[::-1][:kept], rel=exact, abs=exact)
            others = math.fsum(math.exp(expected[v]) for v in range(VOCABULARY) if v not in ids)
            assert float(record["tail"]) == pytest.approx(others, rel=1e-4)


def test_a_position_takes_less_than_400_bytes() -> None:
    def size(vocabulary: int, kept: int = 64, kind: Any = "float16") -> int:
        return Stamp("", "", "", "", "", "", "", kept, vocabulary, kind, 1, 1, 1).record.itemsize

    assert size(49_152) == 64 * 4 + 4 == 260
    assert size(151_936) == 64 * 6 + 4 == 388 < 400
    assert size(49_152, 8, "float32") == 8 * 6 + 4


def test_only_missing_shards_are_written_and_the_result_is_that_of_one_go(
    store: Callable[..., Captured], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = tmp_path / "whole"
    store(folder=whole)
    real, calls = distributions.records_of, []

    def killed(*arguments: Any) -> Any:
        calls.append(arguments)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return real(*arguments)

    monkeypatch.setattr(distributions, "records_of", killed)
    with pytest.raises(KeyboardInterrupt):
        store()
    (tmp_path / "store" / ".shard-00003.npy.999999.partial").write_bytes(b"torn")  # what kill -9 leaves behind
    with pytest.raises(
        DataError, match=r"not finished: 3 of 6 shards are missing, the first is shard-00003.*again; it"
    ):
        LogitStore(str(tmp_path / "store")).check(teacher())
    made = store()
    assert (made.written, made.missing) == (3, 0)
    assert contents(tmp_path / "store") == contents(whole)
    assert store().written == 0


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def test_ranks_share_the_shards_and_others_may_finish_them(store: Callable[..., Captured], tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    store(folder=whole)
    assert store(ranks=Ranks(1, 3)).missing == 4
    assert (tmp_path / "store" / "shard-00001.npy").exists()
    assert store(ranks=Ranks(0, 2)).written == 2  # its third was written by the rank of three
    assert store().written == 2
    assert contents(tmp_path / "store") == contents(whole)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"settings": Capture(6, "float16", 100, 4)},
            r"holds other logits: tokens_kept is 6, was 5\. Allowed is a new",
        ),
        (
            {"taught": "seed"},
            r"teacher is random-llama-1x16-seed4, was random-llama-1x16-seed3; teacher_fingerprint is",
        ),
        ({"fewer": True}, r"tokens is .*, was .*; sequences is 21, was 22.*Give another --out, or restore"),
    ],
)
def test_a_folder_with_other_logits_is_refused(
    store: Callable[..., Captured], examples: list[Example], changed: dict[str, Any], message: str
) -> None:
    store()
    if changed.pop("fewer", False):
        changed["examples"] = examples[1:]
    if "taught" in changed:
        changed["taught"] = teacher(seed=4)
    with pytest.raises(ConfigError, match=message):
        store(**changed)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (Capture(tokens_kept=104), r"got tokens_kept = 104; allowed are whole numbers from 1 to the 103 tokens"),
        (Capture(tokens_per_batch=0), r"got tokens_per_batch = 0; allowed are whole numbers from 1. Correct"),
        (Capture(sequences_per_shard=0), r"got sequences_per_shard = 0; allowed"),
    ],
)
def test_settings_out_of_range_are_refused(store: Callable[..., Captured], settings: Capture, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        store(settings)


def test_teachers_that_do_not_fit_are_refused(store: Callable[..., Captured], tmp_path: Path) -> None:
    other = teacher(tokenizer=CharacterTokenizer("abc"))
    with pytest.raises(ConfigError, match=r"has another vocabulary: the ids would be noise.*Allowed are teachers with"):
        store(reader=other)
    with pytest.raises(ConfigError, match=r"has an adapter.*export it"):
        store(taught=Student(RandomWeights(**SIZES), adapter=LoRA()))
    with pytest.raises(
        ConfigError, match=r"\d+ of 22 sequences are longer than the 16 tokens.*Set max_tokens: 16 here"
    ):
        store(taught=teacher(max_positions=16))
    assert not list((tmp_path / "store").glob("shard*"))


def test_a_folder_that_is_no_store_is_refused(store: Callable[..., Captured], tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"No logits at .*nowhere: there is no logits.json.*or run that command"):
        LogitStore(str(tmp_path / "nowhere")).check(teacher())
    store()
    stamp = tmp_path / "store" / "logits.json"
    before = stamp.read_text()
    for text, message in (
        ("{", r"is no stamp of stored logits.*Give another folder"),
        (before.replace('"version": 1', '"version": 7'), r"has the format 7; readable is 1. Store the logits anew"),
    ):
        stamp.write_text(text)
        with pytest.raises(DataError, match=message):
            LogitStore(str(stamp.parent)).check(teacher())


def test_a_student_with_another_vocabulary_is_refused(store: Callable[..., Captured], tmp_path: Path) -> None:
    store()
    found = LogitStore(str(tmp_path / "store"))
    found.check(teacher(seed=8))
    with pytest.raises(
        ConfigError, match=r"about the 103 tokens of random-llama-1x16-seed3.*has another vocabulary \(10 "
    ):
        found.check(teacher(tokenizer=CharacterTokenizer("abc")))


def test_sequences_that_are_not_there_are_not_found(
    store: Callable[..., Captured], examples: list[Example], tmp_path: Path
) -> None:
    store()
    found = LogitStore(str(tmp_path / "store"))
    known = examples[7]
    changed = [known.input_ids[0] + 1, *known.input_ids[1:]]
    elsewhere = [*known.weights[:-1], 1.0 - known.weights[-1]]
    keys = [key_of(known.input_ids, known.weights), key_of(changed, known.weights), key_of(known.input_ids, elsewhere)]
    firsts = found.find(np.array(keys, np.uint64))
    assert firsts[0] >= 0
    assert firsts[1:].tolist() == [-1, -1]


def test_what_is_killed_at_any_moment_goes_on(store: Callable[..., Captured], tmp_path: Path) -> None:
    script = (
        "import sys; sys.path[:0] = sys.argv[2:]\n"
        "import test_capture as t; from pathlib import Path\n"
        "who = t.teacher(); made = t.drawn_examples()\n"
        "t.capture(who, who, made, 'AnswerOnly', Path(sys.argv[1]), t.SMALL)\n"
    )
    folder, here = tmp_path / "store", Path(__file__)
    arguments = [str(folder), str(here.parent), str(here.parents[3])]
    with subprocess.Popen([sys.executable, "-c", script, *arguments]) as process:
        while not (folder / "shard-00001.npy").exists():
            assert process.poll() is None
            time.sleep(0.001)
        process.kill()
    assert store().missing == 0
    store(folder=tmp_path / "whole")
    assert contents(folder) == contents(tmp_path / "whole")
