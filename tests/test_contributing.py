"""The examples in CONTRIBUTING.md are complete: they are taken from the page, put in files, and used."""

from __future__ import annotations

import importlib
import json
import math
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import yaml

from curricula import EasyFirst, Feedback, PrefixPool, Shuffled, explain, plan
from curricula.from_rule import timetable_of
from lessons import LessonSet, Message, NumberGrader, Prompt
from lessons.tables import read_annotations, write_prompts
from teachers import Completion, HintAnnotator, RationaleAnnotator, distill
from teachers.annotators import ParseProblem

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
BLOCKS = {
    found["name"]: found["body"]
    for found in re.finditer(r"```python\n(?P<body># (?P<name>\w+)\.py\n.*?)```", PAGE, re.DOTALL)
}
PROMPTS = [Prompt(f"p{k}", (Message("user", f"{k}+{k}=?"),), reference=str(2 * k)) for k in range(10, 16)]

# A program that reads a question on its standard input: what `CommandBackend` asks here.
PROGRAM = r"""
import re, sys
text = sys.stdin.read()
a, b = map(int, re.search(r"(\d+)\+(\d+)", text).groups())
if "Hint 1:" in text:
    print("Hint 1: double it" + (f", which is {2 * a}" if a == 15 else ""))
elif "could not be read" in text:
    print("Mnemonic: twins count twice")
elif "Mnemonic:" in text:
    print("It is one number taken twice.\nMnemonic: twins count twice" + ", and so on for ever and ever" * (a == 12))
else:
    print("add 1\n" * (a % 3 + 1) + f"Answer: {a + b}")
"""


@pytest.fixture(scope="module", autouse=True)
def examples(tmp_path_factory: pytest.TempPathFactory):
    """Put every example into a file of its own, as a user would, and the template beside them."""
    folder = tmp_path_factory.mktemp("examples")
    for name, body in BLOCKS.items():
        (folder / f"{name}.py").write_text(body, encoding="utf-8")
    template = re.search(r"```text\n(name: mnemonic/1\n.*?)```", PAGE, re.DOTALL)
    (folder / "mnemonic.txt").write_text(template[1], encoding="utf-8")
    sys.path.insert(0, str(folder))
    yield folder
    sys.path.remove(str(folder))
    for name in BLOCKS:
        sys.modules.pop(name, None)


def example(name: str) -> ModuleType:
    return importlib.import_module(name)


@pytest.fixture(scope="module")
def taught(examples: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A round with what the example backend was asked for: rationales, hints, and the example annotator's mnemonics."""
    folder = tmp_path_factory.mktemp("round")
    teacher = example("my_teacher").CommandBackend([sys.executable, "-c", PROGRAM])
    mnemonics = example("my_annotator").MnemonicAnnotator(str(examples / "mnemonic.txt"))
    annotators = [RationaleAnnotator(), HintAnnotator(), mnemonics]
    write_prompts(folder / "prompts.parquet", PROMPTS)
    summary = distill(
        PROMPTS, teacher, annotators, NumberGrader(), folder / "ledger.sqlite", folder / "lessons.parquet",
        progress=False,
    )  # fmt: skip
    assert (summary.calls, summary.failures) == (3 * len(PROMPTS) + 1, 0)  # one mnemonic went back, it was too long
    return folder


def test_there_is_an_example_of_every_kind_and_it_is_short():
    assert list(BLOCKS) == [
        "my_teacher", "my_annotator", "my_signal", "my_selector", "my_pacing", "my_mixture", "my_rendering", "my_loss",
    ]  # fmt: skip
    for body in BLOCKS.values():
        code = [line for line in body.splitlines() if line.strip() and not line.startswith(("import", "from", "#"))]
        assert len(code) <= 40


def test_the_backend_answers_and_its_replies_are_kept(taught):
    rationales = [found for found in read_annotations(taught / "lessons.parquet") if found.kind == "rationale"]
    assert [found.answer for found in rationales] == [prompt.reference for prompt in PROMPTS]
    assert all(found.trusted and found.provenance.teacher == "CommandBackend" for found in rationales)
    silent = example("my_teacher").CommandBackend(["no-such-program"])
    again = distill(
        PROMPTS[:1], example("my_teacher").CommandBackend([sys.executable, "-c", PROGRAM]), [RationaleAnnotator()],
        NumberGrader(), taught / "ledger.sqlite", taught / "again" / "lessons.parquet", progress=False,
    )  # fmt: skip
    assert (again.calls, again.from_ledger) == (0, 1)
    with pytest.raises(Exception, match="no-such-program"):
        distill(
            PROMPTS, silent, [RationaleAnnotator()], None, taught / "other.sqlite", taught / "other.parquet",
            progress=False,
        )  # fmt: skip


def test_the_annotator_reads_mnemonics_and_sends_back_what_is_too_long(taught):
    mnemonics = [found for found in read_annotations(taught / "lessons.parquet") if found.kind == "mnemonic"]
    assert [found.text for found in mnemonics] == ["twins count twice"] * len(PROMPTS)
    assert all(found.trusted for found in mnemonics)
    assert mnemonics[0].provenance.template.startswith("mnemonic/1@")
    annotator, prompt = example("my_annotator").MnemonicAnnotator(), PROMPTS[0]
    long = Completion("Mnemonic: one two three four five six seven eight nine", "stop", 1, 1, "m")
    with pytest.raises(ParseProblem, match="a mnemonic of 9 words; at most 8"):
        annotator.parse(long, prompt)
    with pytest.raises(ParseProblem, match='no line "Mnemonic'):
        annotator.parse(Completion("twins count twice", "stop", 1, 1, "m"), prompt)


def test_the_signal_plans(taught):
    lessons = LessonSet.read(taught / "prompts.parquet", taught / "lessons.parquet", target="rationale")
    numbers = [k % 3 + 1 for k in range(10, 16)]
    made = plan(lessons, [example("my_signal").Numbers()], EasyFirst(), order_by="rationale_numbers")
    np.testing.assert_array_equal(made.signals.scores("rationale_numbers"), numbers)
    assert made.curriculum.score.tolist() == sorted(numbers)
    missing = example("my_signal").Numbers(of="critique").measure(lessons)
    assert missing.missing == len(lessons)


def test_the_selector_keeps_some_of_every_step_and_says_why_not_the_others(taught):
    lessons = LessonSet.read(taught / "prompts.parquet", taught / "lessons.parquet", target="rationale")
    spread = example("my_selector").Spread("rationale_numbers", steps=3, of_each=1)
    signals = [example("my_signal").Numbers()]
    made = plan(lessons, signals, EasyFirst(), order_by="rationale_numbers", select=[spread])
    assert made.curriculum.score.tolist() == [1, 2, 3]
    gone = next(name for name in lessons.ids if name not in made.curriculum.lesson_ids)
    assert "Spread(by='rationale_numbers', steps=3, of_each=1), selector 1 of 1, left it out: enough" in explain(
        *made, gone
    )
    with pytest.raises(ValueError, match="found 6 lessons of 6 without a value"):
        plan(lessons, [example("my_signal").Numbers("critique")], Shuffled(), select=[
            example("my_selector").Spread("critique_numbers"),
        ])  # fmt: skip


def test_the_pacing_opens_at_the_end_of_each_part(taught):
    lessons = LessonSet.read(taught / "prompts.parquet", taught / "lessons.parquet", target="rationale")
    pacing = example("my_pacing").Rehearsals(low=0.0, parts=2, length=0.25)
    assert [pacing.share(k / 8, {}) for k in range(8)] == [0, 0, 0, 1, 0, 0, 0, 1]
    made = plan(
        lessons, [example("my_signal").Numbers()], EasyFirst(), "rationale_numbers", 4, mixture=PrefixPool(pacing),
        lessons_per_update=3,
    ).curriculum  # fmt: skip
    assert [len(set(made.lesson_ids[3 * k : 3 * k + 3])) for k in range(8)] == [1, 1, 1, 3, 1, 1, 1, 3]
    with pytest.raises(ValueError, match=r"Rehearsals got high=2; allowed are numbers from 0 to 1"):
        example("my_pacing").Rehearsals(high=2).share(0.0, {})


def test_the_mixture_hears_and_is_built_again_from_its_plan(taught):
    lessons = LessonSet.read(taught / "prompts.parquet", taught / "lessons.parquet", target="rationale")
    mixture = example("my_mixture").WorstGroup("rationale_numbers", share=1.0)
    made = plan(lessons, [example("my_signal").Numbers()], Shuffled(), passes=4, mixture=mixture, lessons_per_update=3)
    timetable = timetable_of(made.curriculum, lessons, made.signals, 3, np.ones(len(lessons), bool))
    assert len(timetable.draw(0).places) == 3
    for update, worst in ((1, "1"), (2, "3")):
        timetable.hear(Feedback(update, groups={"loss": {worst: 2.0, "2": 1.0}}))
        numbers = made.signals.scores("rationale_numbers")[timetable.draw(update).places]
        assert set(numbers) == {float(worst)}
    saved = json.loads(json.dumps(timetable.state_dict()))
    again = timetable_of(made.curriculum, lessons, made.signals, 3, np.ones(len(lessons), bool))
    again.load_state_dict(saved)
    assert again.draw(5).places.tolist() == timetable.draw(5).places.tolist()


def test_the_rendering_renders_for_a_student_of_characters(taught):
    from students import RandomWeights, Student, render_all

    lessons = LessonSet.read(taught / "prompts.parquet", taught / "lessons.parquet", target="hint")
    student = Student(RandomWeights(hidden_size=16, layers=1, heads=2))
    rendered = render_all(example("my_rendering").HintThenAnswer(), lessons, student.encoder)
    assert len(rendered.examples) == 5
    learnt = rendered.examples["p10"][0]
    written = [token for token, weight in zip(learnt.input_ids, learnt.weights, strict=True) if weight]
    assert student.tokenizer.decode(written) == "double it\nAnswer: 20<|end|>"
    bare = LessonSet.read(taught / "prompts.parquet")
    with pytest.raises(ValueError, match="no hint"):
        render_all(example("my_rendering").HintThenAnswer(), bare, student.encoder)


def test_the_loss_is_its_formula():
    import torch

    focal = example("my_loss").focal
    probability = torch.tensor([1.0, 0.9, 0.5, 0.01], dtype=torch.float64, requires_grad=True)
    loss = focal(-probability.log(), 2.0)
    expected = [(1 - p) ** 2 * -math.log(p) for p in probability.tolist()]
    assert loss.tolist() == pytest.approx(expected, abs=1e-12)
    assert loss[0] == 0
    nll = torch.tensor([0.0, 1e-9, 3.0, 50.0], requires_grad=True)
    torch.testing.assert_close(focal(nll, 0.0), nll)
    for gamma in (0.5, 1.0, 2.0):
        (slope,) = torch.autograd.grad(focal(nll, gamma).sum(), nll)
        assert torch.isfinite(slope).all()


@pytest.mark.slow
def test_the_loss_trains_by_its_class_path(taught, examples, tmp_path, programs):
    """The training command finds the module in the working folder, as a user's would be."""
    run = tmp_path / "run"
    settings: dict[str, Any] = {
        "trainer": {"default_root_dir": str(run), "accelerator": "cpu", "devices": 1, "accumulate_grad_batches": 2},
        "model": {
            "class_path": "my_loss.FocalModule",
            "init_args": {
                "student": {
                    "precision": "float32",
                    "weights": {
                        "class_path": "students.RandomWeights",
                        "init_args": {"hidden_size": 16, "layers": 1, "heads": 2},
                    },
                },
                "optimizer": {"class_path": "torch.optim.SGD", "init_args": {"lr": 0.1}},
                "gamma": 1.0,
            },
        },
        "data": {
            "prompts": str(taught / "prompts.parquet"),
            "annotations": str(taught / "lessons.parquet"),
            "target": "hint",
            "rendering": "my_rendering.HintThenAnswer",
            "lessons_per_update": 4,
        },
    }
    (tmp_path / "train.yaml").write_text(yaml.safe_dump(settings))
    done = programs.run("tutelage", ["train", "fit", "--config", str(tmp_path / "train.yaml")], folder=examples)
    assert done.returncode == 0, done.stderr
    losses = [float(line.split(",")[4]) for line in (run / "logs" / "progress.csv").read_text().splitlines()[1:]]
    assert len(losses) == 2
    assert all(math.isfinite(loss) and loss > 0 for loss in losses)
    assert (run / "student" / "config.json").exists()
