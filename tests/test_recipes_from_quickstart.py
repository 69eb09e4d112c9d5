"""Recipes that start from what the quickstart left run small, with a student in its place that nobody had to train."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

import tutelage.course_steps
import tutelage.planning
import tutelage.stored_logits
from lessons.errors import ConfigError
from lessons.tables import read_annotations, write_annotations
from students import CharacterTokenizer, RandomWeights, Student
from students.logit_store import Capture
from tests.in_this_process import read_course
from tests.test_recipes_methods import UPDATES, train_briefly
from tutelage.command_line import run_function
from tutelage.commands.logits import logits as logits_command
from tutelage.course import Course
from tutelage.course_steps import exam_step, pool_step
from tutelage.logits_step import logits_step
from tutelage.rounds import steps_of_round
from tutelage.steps import Step, run_step
from tutelage.stored_logits import StoredLogits

ROOT = Path(__file__).resolve().parents[1]
LETTERS = "0123456789+=?: \nAnswer"
QUICKSTART = Path("runs/quickstart/round-000/rationales/student")


def write_guesser(folder: Path) -> None:
    """Write a student that says one of the digits from 5 and then, in the form it should, one of those below."""
    tokenizer = CharacterTokenizer(LETTERS)
    weights = RandomWeights(hidden_size=32, layers=1, heads=2, max_positions=256, tie_embeddings=False,
                            tokenizer=tokenizer)  # fmt: skip
    student = Student(weights, precision="float32")
    number = student.tokenizer.convert_tokens_to_ids
    chain = ["<|assistant|>", "56789", "\n", *"Answer:", " ", "01234", ["<|end|>"]]
    with torch.no_grad():
        for parameter in student.model.parameters():
            if parameter.ndim == 2:
                parameter.zero_()  # blocks then add nothing: what comes next depends on the last token alone
        parameters = dict(student.model.named_parameters())
        parameters["model.embed_tokens.weight"].fill_diagonal_(1.0)
        for tokens, nexts in pairwise([[chain[0]], *chain[1:]]):
            for token, following in product(tokens, nexts):
                parameters["lm_head.weight"][number(following), number(token)] = 5.0
    student.export(folder)


def small_course(recipe: str, **changes: Any) -> Course:
    """Read a recipe, with fewer prompts, of one digit."""
    settings = yaml.safe_load((ROOT / "recipes" / f"{recipe}.yaml").read_text()) | changes
    settings["prompts"]["init_args"] |= {"size": 12, "digits": 1}
    settings["exam"]["init_args"] |= {"size": 3, "digits": 1, "fewest_digits": 1}
    settings["grader"]["init_args"] = {"tolerance": 3}  # a guess is right now and then
    settings["training"]["lessons_per_update"] = 4
    settings["generation"]["max_new_tokens"] = 4
    for arm in settings["arms"].values():
        arm |= {"minimum_length": 24, "passes": 1}
    path = Path("course.yaml")
    path.write_text(yaml.safe_dump(settings, sort_keys=False))
    return read_course(path)


def steps_of(course: Course) -> list[Step]:
    return [exam_step(course), pool_step(course), *steps_of_round(course, 0)]


def store_here(work: str, words: list[str], config: dict[str, Any], path: Path, *arguments: str) -> None:
    """Do what the process of its own would, in this one."""
    assert (work, words, arguments) == ("Storing logits", ["logits"], ())
    path.write_text(yaml.safe_dump(config))
    run_function(logits_command, "tutelage logits", ["--config", str(path)])


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[pytest.MonkeyPatch]:
    """A folder with the quickstart's student and the recipes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("here"))
        patch.setattr(tutelage.planning, "draw", lambda curriculum, signals, path, title: path.touch())
        patch.setattr(tutelage.stored_logits, "run_child", store_here)
        write_guesser(QUICKSTART)
        Path("recipes").symlink_to(ROOT / "recipes")
        yield patch


def run(course: Course, here: pytest.MonkeyPatch) -> Course:
    here.setattr(tutelage.course_steps, "run_training", partial(train_briefly, course))
    course.check()
    assert all(run_step(step) for step in steps_of(course))
    return course


@pytest.fixture(scope="module")
def rejected(here: pytest.MonkeyPatch) -> Course:
    return run(small_course("verified/rejection-fine-tuning"), here)


@pytest.fixture(scope="module")
def stored(here: pytest.MonkeyPatch) -> Course:
    return run(small_course("stored-logits"), here)


@pytest.mark.slow
def test_rejection_fine_tuning(rejected: Course) -> None:
    folder = rejected.round_folder(0)
    written = list(read_annotations(folder / "lessons.parquet"))
    assert {annotation.provenance.teacher for annotation in written} == {"TransformersBackend"}
    right = [annotation for annotation in written if annotation.trusted]
    assert 0 < len(right) < len(written)
    assert all(annotation.grade and annotation.grade.correct for annotation in right)
    assert len({(annotation.prompt_id, annotation.text) for annotation in right}) == len(right)  # repetitions are not
    taught = Counter(annotation.prompt_id for annotation in right)
    plans = {
        arm: json.loads((folder / arm / "curriculum.json").read_text())["counts"] for arm in ("one-answer", "distinct")
    }
    assert plans["one-answer"]["lessons"] == len(taught) < plans["distinct"]["lessons"] == len(right)
    for arm in rejected.arms:
        assert json.loads((folder / arm / "training.json").read_text())["updates"] == UPDATES
        assert (folder / arm / "report.json").exists()


@pytest.mark.slow
def test_expert_iteration_lets_the_student_that_came_out_answer(rejected: Course, here: pytest.MonkeyPatch) -> None:
    settings = yaml.safe_load((ROOT / "recipes" / "verified" / "rejection-fine-tuning.yaml").read_text())
    teacher = settings["teacher"]
    teacher["init_args"]["model"] = str(rejected.round_folder(0) / "distinct" / "student")
    again = small_course("verified/rejection-fine-tuning", folder="runs/rejection-fine-tuning-2", teacher=teacher)
    for step in steps_of(again)[:4]:
        run_step(step)
    before, now = (
        {found.provenance.request_key for found in read_annotations(course.round_folder(0) / "lessons.parquet")}
        for course in (rejected, again)
    )
    assert now
    assert not before & now


@pytest.mark.slow
def test_what_can_be_made_of_stored_answers(here: pytest.MonkeyPatch) -> None:
    """Two of its arms, the second with a reference; the others differ from them in settings."""
    course = small_course("verified/stored-answers")
    course = run(replace(course, arms={name: course.arms[name] for name in ("beta-mml", "grpo")}), here)
    for arm in course.arms:
        assert json.loads((course.round_folder(0) / arm / "training.json").read_text())["updates"] == UPDATES
    assert (course.round_folder(0) / "grpo" / "policy.parquet").exists()


@pytest.mark.slow
def test_logits_are_stored_once_for_all_arms_that_learn_from_the_same(stored: Course) -> None:
    folder = stored.round_folder(0)
    assert [arm for arm in stored.arms if (folder / arm / "logits").exists()] == ["forward"]
    for arm in ("forward", "reverse"):
        facts = json.loads((folder / arm / "training.json").read_text())
        assert facts["updates"] == UPDATES
        assert (folder / arm / "student" / "model.safetensors").exists()
    assert not any(run_step(step) for step in steps_of(stored))  # done before, one and all


@pytest.mark.slow
def test_a_store_that_was_not_finished_is_gone_on_with(stored: Course) -> None:
    step = logits_step(stored, 0, "forward")
    assert step is not None
    shard = step.folder / "logits" / "shard-00000.npy"
    before = shard.read_bytes()
    shard.unlink()
    record = json.loads(step.record.read_text())
    step.record.write_text(json.dumps(record | {"state": "begun"}))
    assert run_step(step)
    assert shard.read_bytes() == before
    assert not run_step(step)


def with_logits(course: Course, **changes: Any) -> Course:
    arm = course.arms["forward"]
    return replace(course, arms={**course.arms, "forward": replace(arm, **changes)})


@pytest.mark.slow
def test_a_store_of_other_lessons_tokenizer_template_or_teacher_is_refused(stored: Course) -> None:
    def step_of(course: Course) -> Step:
        found = logits_step(course, 0, "forward")
        assert found is not None
        return found

    def refused(course: Course, reason: str) -> None:
        with pytest.raises(ConfigError, match=rf"step 'logits' in .*forward was finished with {reason}.*by removing"):
            run_step(step_of(course))

    arm, weights = stored.arms["forward"], stored.student.weights
    less_memory = StoredLogits(arm.logits.teacher, Capture(tokens_kept=8, tokens_per_batch=64))
    assert not run_step(step_of(with_logits(stored, logits=less_memory)))
    refused(with_logits(stored, logits=StoredLogits(arm.logits.teacher)), r"other settings \(capture.tokens_kept: 8")
    refused(replace(stored, student=Student(weights, chat_template="{{ 1 }}")), r"other settings \(student.*template")
    wider = RandomWeights(48, layers=2, heads=4, max_positions=256, tokenizer=CharacterTokenizer(LETTERS + "-"))
    refused(replace(stored, student=Student(wider)), r"other settings \(student.*alphabet")
    for path, text in (
        (QUICKSTART / "model.safetensors", rf"another teacher {QUICKSTART}"),
        (stored.round_folder(0) / "lessons.parquet", r"another ../lessons.parquet"),
    ):
        before = path.read_bytes()
        if path.suffix == ".parquet":
            write_annotations(path, list(read_annotations(path))[1:])
        else:
            path.write_bytes(before + b" ")
        refused(stored, text)
        path.write_bytes(before)
    assert not run_step(step_of(stored))
