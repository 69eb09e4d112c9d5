"""Every recipe of a curriculum is planned, and trained where it must be, and does what its method promises."""

from __future__ import annotations

import itertools
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from numpy.typing import NDArray

import tutelage.course_steps
import tutelage.planning
from curricula import Curriculum, SignalTable, read_signals
from curricula.state import unpack
from lessons.files import write_text
from lightning_modules import WarmupStableDecay
from lightning_modules.cli import train
from tutelage.command_line import make_parser
from tutelage.commands.course import course as course_command
from tutelage.course import Course
from tutelage.course_steps import exam_step, pool_step
from tutelage.rounds import steps_of_round
from tutelage.steps import run_step

FOLDER = Path(__file__).parents[1] / "recipes" / "curricula"
Floats = NDArray[np.float64]
RECIPES = sorted(path.stem for path in FOLDER.glob("*.yaml"))


def course_of(name: str) -> Course:
    parser = make_parser(course_command, "tutelage course")
    built = vars(parser.instantiate(parser.parse_args(["--config", str(FOLDER / f"{name}.yaml")])))
    built.pop("config")
    return Course(**built)


def train_here(config: dict[str, Any], folder: Path) -> None:
    """Train as the course does, but in this process: starting one a run would take most of the time.

    Where no plan needs what the student has learnt, three updates show that training takes the plan.
    """
    if folder.parents[1].name not in TRAINED:
        config["trainer"]["max_steps"] = BRIEFLY
    path = folder / "train.yaml"
    write_text(path, yaml.safe_dump(config, sort_keys=False))
    train(["fit", "--config", str(path)])


class Ran:
    """A recipe that was run in the current folder: every arm planned, the arms of `TRAINED` trained, no exams.

    Of a recipe that is not there, the last arm is trained for three updates.
    """

    def __init__(self, name: str) -> None:
        self.course = course_of(name)
        self.folder = self.course.round_folder(0)
        self.trained = TRAINED.get(name, list(self.course.arms)[-1:])
        for step in (exam_step(self.course), pool_step(self.course), *steps_of_round(self.course, 0)):
            if step.name != "evaluate" and (step.name != "train" or step.folder.name in self.trained):
                run_step(step)

    def plan(self, arm: str) -> Curriculum:
        return Curriculum.read(self.folder / arm)

    def signals(self, arm: str) -> SignalTable:
        return read_signals(self.folder / arm / "signals.parquet")

    def ids(self, arm: str) -> list[str]:
        return self.plan(arm).lesson_ids.tolist()

    def along(self, arm: str, name: str) -> Floats:
        """Return a signal's values along an arm's plan."""
        table = self.signals(arm)
        value = dict(zip(table.lesson_ids.tolist(), table.column(name).values.tolist(), strict=True))
        return np.array([value[lesson] for lesson in self.ids(arm)])

    def states(self, arm: str) -> list[Any]:
        """Return what a plan that hears held at the end of the training: [update, state]."""
        path = self.folder / arm / "checkpoints" / "last.ckpt"
        saved = torch.load(path, weights_only=True)["CurriculumDataModule"]
        return [(update, unpack(state)) for update, state in saved["timetable"]["states"]]

    def heard(self, arm: str) -> list[dict[str, float]]:
        return [json.loads(line) for line in (self.folder / arm / "logs" / "feedback.jsonl").read_text().splitlines()]


BRIEFLY = 3  # updates
TRAINED = {  # arms whose student scores for another, and arms whose plan hears
    "composed-parts": ["more-and-more"],
    "cyclical": ["plain"],
    "data-diets": ["data-diet"],
    "deepdistill": ["random"],
    "degree-curriculum": ["degree"],
    "delift": ["random-share"],
    "diversify-and-conquer": ["diversify-and-conquer"],
    "gain-rl": ["gaussian"],
    "ifd": ["random-share"],
    "instruct-mining": ["random-share"],
    "iter-select-tune": ["everything"],
    "lobass": ["everything"],
    "multistage-filtering": ["skip-easy"],
    "paprika": ["paprika"],
    "re-ranking-weights": ["easy-weighs-more"],
    "reverse-curriculum": ["reverse"],
    "self-paced": ["self-paced"],
    "skill-it": ["skill-it"],
    "success-near-half": ["random"],
    "tapir-selection": ["random"],
}


def runs_of(values: Floats) -> list[tuple[float, int]]:
    return [(value, len(list(same))) for value, same in itertools.groupby(values.tolist())]


def rises(values: Floats) -> bool:
    return bool((np.diff(values) >= 0).all())


def human_inspired_orders(ran: Ran) -> None:
    arms = list(ran.course.arms)
    assert len(arms) == 7
    assert all(sorted(ran.ids(arm)) == sorted(ran.ids("random")) for arm in arms)
    assert rises(ran.along("curriculum", "teacher_difficulty"))
    assert rises(ran.along("easy-medium-hard", "tier"))
    assert not rises(ran.along("easy-medium-hard", "teacher_difficulty"))
    for arm in ("blocked", "blocked-curriculum"):
        assert len(runs_of(ran.along(arm, "topic"))) == 2
    for arm in ("interleaved", "interleaved-curriculum"):
        runs = runs_of(ran.along(arm, "topic"))
        assert [topic for topic, _ in runs] == [0, 1, 0, 1, 0, 1]  # part after part, each with all topics
        for topic in (0, 1):
            sizes = [size for found, size in runs if found == topic]
            assert max(sizes) - min(sizes) <= 1
    topics, difficulty = (ran.along("interleaved-curriculum", name) for name in ("topic", "teacher_difficulty"))
    assert all(rises(difficulty[topics == topic]) for topic in (0, 1))


def competence_pacing(ran: Ran) -> None:
    table = ran.signals("competence")
    rank = dict(zip(table.lesson_ids.tolist(), table.rank.tolist(), strict=True))
    drawn = np.array([rank[lesson] for lesson in ran.ids("competence")]).reshape(40, 16)
    progress = np.minimum(1, np.arange(40) / 40 / 0.5)
    competence = np.minimum(1, np.sqrt(progress * (1 - 0.01**2) + 0.01**2))
    assert (drawn.max(axis=1) < np.maximum(1, np.ceil(competence * 160))).all()
    assert drawn[-1].max() > 100
    by_rank = np.argsort(table.rank)
    assert rises(table.column("rationale_rarity").values[by_rank])
    control = ran.signals("same-growth-no-order")
    assert not rises(control.column("rationale_rarity").values[np.argsort(control.rank)])


def cyclical(ran: Ran) -> None:
    ids = ran.ids("cyclical")
    sizes = [20, 40, 80, 40, 20, 40]
    for start, size in zip(np.cumsum([0, *sizes]).tolist(), sizes, strict=False):
        assert len(set(ids[start : start + size])) == size  # no repeats in a pass
    assert sum(sizes) == len(ids) == len(ran.ids("plain"))
    assert (ran.signals("cyclical").column("confidence").values > 0).all()


def corgi_interleaving(ran: Ran) -> None:
    half = len(ran.ids("interleaving")) // 2
    level, subject = (ran.along("interleaving", name)[:half] for name in ("given_carries", "topic"))
    assert rises(level)
    assert len(runs_of(subject[level == 1])) > 10  # the subjects of a level are mixed
    assert len(runs_of(ran.along("blocking", "topic")[:half])) == 3


def re_ranking_weights(ran: Ran) -> None:
    assert ran.ids("easy-weighs-more") == ran.ids("hard-weighs-more") == ran.ids("random")
    assert (ran.plan("random").weight == 1).all()
    faded = np.minimum(1, np.repeat(np.arange(20) / 20, 16) / 0.5)
    hard = ran.along("easy-weighs-more", "difficulty")
    np.testing.assert_allclose(ran.plan("easy-weighs-more").weight, (1 - hard) * (1 - faded) + faded, atol=1e-6)
    np.testing.assert_allclose(ran.plan("hard-weighs-more").weight, hard * (1 - faded) + faded, atol=1e-6)


def stages_of_groups(ran: Ran, sequential: str, cumulative: str, by: str) -> None:
    """Check that one arm takes group after group, the other all groups up to the stage's."""
    for arm in (sequential, cumulative):
        stage, group = ran.plan(arm).stage, ran.along(arm, by)
        assert sorted(set(stage.tolist())) == [0, 1, 2]
        assert (group == stage).all() if arm == sequential else (group <= stage).all()
    last = ran.along(cumulative, by)[ran.plan(cumulative).stage == 2]
    assert set(last.tolist()) == {0, 1, 2}


def small_code_stages(ran: Ran) -> None:
    stages_of_groups(ran, "sequential", "incremental", "level")
    stage, level = ran.plan("hybrid").stage, ran.along("hybrid", "level")
    assert 0.15 < (level < stage)[stage > 0].mean() < 0.45


def mixed_curriculum(ran: Ran) -> None:
    stages_of_groups(ran, "sequential", "mixed", "topic")


def degree_curriculum(ran: Ran) -> None:
    assert (ran.along("degree", "given_carries") <= ran.plan("degree").stage).all()  # each set holds the former
    assert len(ran.heard("degree")) == 5
    assert ran.states("degree")[-1][1]["stage"] >= 1  # a gate was opened by what was heard


def easy_hard_all(ran: Ran) -> None:
    assert ran.along("easy", "given_difficulty").max() <= 2 < 4 <= ran.along("hard", "given_difficulty").min()
    assert set(ran.along("all", "given_difficulty").tolist()) >= {1, 2, 3, 4, 5}


def gain_rl(ran: Ran) -> None:
    table = ran.signals("gaussian")
    assert rises(-table.column("angle_concentration").values[np.argsort(table.rank)])
    centre = 0.0
    for line in ran.heard("gaussian"):
        move = 6 * np.tanh(2 * (line["pass_rate"] - 0.02)) + 6 * np.tanh(2 * line["probe_angle_concentration"])
        centre = min(59.0, centre + min(max(move, 0.0), 30.0))
    assert 0 < centre < 59
    assert ran.states("gaussian")[-1][1]["centre"] == pytest.approx(centre)


def skill_it(ran: Ran) -> None:
    graph = np.array([[1, 0.5, 0], [0, 1, 0.5], [0, 0, 1]])
    for _, state in ran.states("skill-it"):
        weights = np.exp(0.5 * (graph @ state["losses"].sum(axis=0)))
        assert len(state["losses"]) == 3
        np.testing.assert_allclose(state["shares"], weights / weights.sum())


def ifd(ran: Ran) -> None:
    table = ran.signals("ifd")
    values = table.column("ifd").values
    kept = values[table.left_out.kept]
    assert len(kept) == 20
    assert kept.max() <= 1
    assert kept.min() >= np.sort(values[values <= 1])[-20]
    assert len(set(ran.ids("random-share"))) == 20


def best_of(ran: Ran, arm: str, by: str, sign: float, count: int = 20) -> None:
    """Check that an arm learns from the best lessons and no others."""
    table = ran.signals(arm)
    values = sign * table.column(by).values
    np.testing.assert_allclose(np.sort(values[table.left_out.kept]), np.sort(values)[-count:])
    assert len(set(ran.ids(arm))) == count


def lobass(ran: Ran) -> None:
    best_of(ran, "lobass", "loss_drop", 1)
    assert ran.signals("lobass").column("loss_drop").values.mean() > 0  # the reference has learnt


def instruct_mining(ran: Ran) -> None:
    best_of(ran, "instruct-mining", "predicted_loss", -1)
    facts = ran.signals("instruct-mining").column("predicted_loss").provenance
    assert len(facts["coefficients"]) == 4
    assert facts["explained"] > 0


def deepdistill(ran: Ran) -> None:
    assert (ran.along("deepdistill", "best_score") == 1).all()
    second = ran.plan("deepdistill").stage == 1
    assert set(ran.along("deepdistill", "half")[second].tolist()) == {1.0}
    assert np.flatnonzero(second).min() == 20 * 16  # where the rate falls


def rft(ran: Ran) -> None:
    table = ran.signals("rft")
    kept = table.left_out.kept
    pairs = np.stack([table.column(name).values[kept] for name in ("id", "rationale_equation_list")])
    assert len(np.unique(pairs, axis=1).T) == len(kept)
    questions = len(np.unique(pairs[0]))
    assert questions == len(set(ran.ids("one-solution"))) == 80
    assert 1.5 * questions < len(kept) < 0.8 * len(table)  # several ways, and some samples go the same


def repeated_random_subsets(ran: Ran) -> None:
    fresh = np.array(ran.ids("fresh-subsets")).reshape(16, 40)
    assert all(len(set(part.tolist())) == 40 for part in fresh)
    assert len(set(fresh.ravel().tolist())) > 120
    assert len(set(ran.ids("one-subset"))) == 40


def tapir_selection(ran: Ran) -> None:
    assert (ran.along("tapir", "gap") >= 0.5).all()
    table = ran.signals("tapir")
    far, topic = table.column("gap").values >= 0.5, table.column("topic").values
    kept = table.left_out.kept
    assert len(kept) == round(0.5 * far.sum())
    sizes, easy = np.bincount(topic[far].astype(int)), int((topic[kept] == 0).sum())
    assert easy == round(len(kept) / 3) or sizes[1] == len(kept) - easy  # one to two, unless a kind runs short


def dual_stage_mixed(ran: Ran) -> None:
    second = ran.plan("dual-stage").stage == 1
    assert (ran.along("sequential", "topic")[second] == 0).all()
    assert 0.03 < (ran.along("dual-stage", "topic")[second] != 0).mean() < 0.1  # 1/16


def replay_with_re_warm(ran: Ran) -> None:
    second = ran.plan("replay").stage == 1
    assert (ran.along("no-replay", "topic")[second] == 2).all()
    assert 0.02 < (ran.along("replay", "topic")[second] != 2).mean() < 0.08
    schedule = WarmupStableDecay(**ran.course.training.schedule["init_args"])
    rates = [schedule.factor(update, 40) for update in range(40)]
    assert np.flatnonzero(second).min() == 21 * 16
    assert rates[20] < 0.3 < 1 == rates[21]  # decayed at the end of the first stage, full again in the second


def power_law_rehearsal(ran: Ran) -> None:
    counts = np.bincount(ran.along("power-law", "topic").astype(int))
    assert counts[:2].sum() / counts.sum() == pytest.approx(0.3, abs=0.02)
    assert counts[1] / counts[0] == pytest.approx(2, rel=0.2)


def diversify_and_conquer(ran: Ran) -> None:
    counts = np.bincount(ran.along("diversify", "cluster").astype(int))
    assert counts.max() - counts.min() <= 12
    shares = ran.states("diversify-and-conquer")[-1][1]["shares"]
    assert shares.sum() == pytest.approx(1)
    assert np.ptp(shares) > 0.01


def multistage_filtering(ran: Ran) -> None:
    state = ran.states("skip-easy")[-1][1]
    assert state["lessons"].sum() > 60
    assert state["lessons"].min() > 10  # it has met hard and easy ones
    assert len(ran.heard("skip-easy")) == 7


def paprika(ran: Ran) -> None:
    state, heard = ran.states("paprika")[-1][1], ran.heard("paprika")
    assert len(heard) == 20
    assert state["heard"].sum() == 20  # one group a time: only the one that was chosen
    assert state["heard"].min() >= 1
    means = state["sum"] / state["heard"]
    assert (means >= 0).all()
    assert means.max() <= (1 + 1 / 16) * 7 * (3 / 16) ** 0.5 / 2.75  # three of four tries right give most


def data_diets(ran: Ran) -> None:
    assert [line["update"] for line in ran.heard("data-diet")] == [5, 10, 15, 20]
    figures = ran.states("data-diet")[-1][1]["figures"]
    assert len(figures) == 80
    assert ((figures > 0) & (figures < 2**0.5)).all()  # none is missing
    errors = [line["probe_error_norm"] for line in ran.heard("data-diet")]
    assert errors[-1] < errors[0]
    assert len(set(ran.ids("random-half"))) == 40


def delift(ran: Ran) -> None:
    kept = {arm: set(ran.ids(arm)) for arm in ran.course.arms}
    assert {len(ids) for arm, ids in kept.items() if arm != "delift-continued"} == {12}
    assert len({frozenset(ids) for ids in kept.values()}) == 4
    table = ran.signals("delift-continued")
    small = table.column("topic").values == 0
    assert small.any()
    assert not small[table.left_out.kept].any()
    assert len(table.left_out.kept) == round(0.3 * (~small).sum())


def iter_select_tune(ran: Ran) -> None:
    best_of(ran, "iter-select-tune", "likely_hard", 1, 12)
    facts = ran.signals("iter-select-tune").column("likely_hard").provenance
    assert 10 <= facts["labels"] <= 30
    assert 0 < facts["hard"] < facts["labels"]


def self_paced(ran: Ran) -> None:
    assert [line["update"] for line in ran.heard("self-paced")] == [2, 4, 6, 8, 10]
    figures = ran.states("self-paced")[-1][1]["figures"]
    assert len(figures) == 80
    assert (figures > 0).all()
    assert not np.allclose(figures, ran.signals("self-paced").column("nuclear_norm").values)
    table = ran.signals("same-growth")
    assert rises(table.column("nuclear_norm").values[np.argsort(table.rank)])


def composed_parts(ran: Ran) -> None:
    shown = ran.plan("mosaic").view
    assert shown is not None
    assert np.bincount(shown).min() > 38  # of 160, a third each
    turned = ran.plan("more-and-more").view
    assert turned is not None
    assert rises(turned)
    assert np.bincount(turned).tolist() == [64, 48, 48]  # 4, 3 and 3 of 10 updates
    assert ran.plan("one-by-one").view is None


def reverse_curriculum(ran: Ran) -> None:
    turned, mixed = ran.plan("reverse").view, ran.plan("mixed").view
    assert turned is not None
    assert mixed is not None
    assert rises(turned)
    assert np.bincount(turned).tolist() == [48, 48, 48, 48]
    assert np.bincount(mixed).min() > 30  # of 192, a quarter each


def success_near_half(ran: Ran) -> None:
    table = ran.signals("near-half")
    rate, worth = (table.column(name).values for name in ("pass_rate", "worth"))
    np.testing.assert_allclose(worth, np.exp(-((rate - 0.5) ** 2) / (2 * 0.2**2)))
    assert (rate > 0).any()  # the student passes some
    drawn = np.array([ran.ids("near-half").count(name) for name in table.lesson_ids])
    likely = worth >= np.median(worth)
    assert likely.all() or drawn[likely].mean() > drawn[~likely].mean()


CHECKS = {
    check.__name__.replace("_", "-"): check
    for check in (
        human_inspired_orders, competence_pacing, cyclical, corgi_interleaving, re_ranking_weights, small_code_stages,
        mixed_curriculum, degree_curriculum, easy_hard_all, gain_rl, skill_it, ifd, lobass, instruct_mining,
        deepdistill, rft, repeated_random_subsets, tapir_selection, dual_stage_mixed, replay_with_re_warm,
        power_law_rehearsal, diversify_and_conquer, multistage_filtering, paprika, data_diets, delift,
        iter_select_tune, self_paced, composed_parts, reverse_curriculum, success_near_half,
    )
}  # fmt: skip


def test_every_recipe_has_a_control_and_a_check():
    assert sorted(CHECKS) == RECIPES
    for name in RECIPES:
        text = (FOLDER / f"{name}.yaml").read_text()
        assert "# the control" in text
        assert re.search(r"arXiv:\d{4}\.\d{4,5}", text)
        assert "Exact" in text or "ur reading" in text


def test_the_guide_names_every_recipe_beside_its_method():
    page = (FOLDER.parents[1] / "docs" / "curricula.md").read_text()
    table = page.partition("## Published methods")[2].partition("\n## ")[0]
    assert sorted(re.findall(r"\| `([a-z0-9-]+)` \|$", table, re.MULTILINE)) == RECIPES


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tutelage.course_steps, "run_training", train_here)
    monkeypatch.setattr(
        tutelage.planning, "draw", lambda curriculum, signals, path, title: path.touch()
    )  # half the time


@pytest.mark.slow
@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_does_what_its_method_promises(name: str, here: None):
    ran = Ran(name)
    updates = {-(-len(ran.ids(arm)) // ran.course.training.lessons_per_update) for arm in ran.course.arms}
    assert len(updates) == 1, "every arm gets the control's number of updates"
    CHECKS[name](ran)
    for arm in ran.trained:
        facts = json.loads((ran.folder / arm / "training.json").read_text())
        assert {facts["updates"]} == (updates if name in TRAINED else {BRIEFLY})
        assert facts["final_loss"] < facts["first_loss"]
