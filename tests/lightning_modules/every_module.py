"""Every module that trains, small, with lessons that fit it: what is proved of one of them is proved of all.

Tests run over `CASES`; `test_invariance.py` sees to it that no exported module is missing here.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from outspoken import Outspoken, teacher

from curricula import EasyFirst, Given, plan
from lessons import RightAgainstWrong
from lessons.grading import Grader
from lessons.lesson_set import LessonSet
from lessons.records import Annotation, Attempt, Grade, Message, Prompt, Provenance
from lessons.tables import write_annotations, write_attempts, write_prompts
from lightning_modules import (
    AFT,
    DPO,
    GOLD,
    IPO,
    KTO,
    NPO,
    ORPO,
    REDI,
    UFT,
    ULD,
    AdaptiveShare,
    CrossTokenizerDistillation,
    CurriculumDataModule,
    DualHeadDistillation,
    FeatureDistillation,
    ForwardKL,
    GeneralizedJSD,
    GroupAdvantage,
    HiddenCosine,
    HiddenDistance,
    HiddenSimilarity,
    Linear,
    LogitDistillation,
    MarginalLikelihood,
    MaskedTokens,
    NegativeAware,
    NoisyInputs,
    OnlineVerifiedModule,
    OnPolicyDistillation,
    OwnTokens,
    Preference,
    PreferenceModule,
    ProbeLosses,
    Replay,
    ReverseKL,
    SampledReverseKL,
    Sampling,
    ScoreDistillation,
    SimPO,
    SkewReverseKL,
    SupervisedModule,
    VerifiedModule,
)
from students import (
    AnswerGroups,
    BytePairTokenizer,
    ClassifiedQuestions,
    Contrasts,
    LogitStore,
    LoRA,
    Pairs,
    QuestionOnly,
    RandomWeights,
    Rendering,
    ScoredTexts,
    Scorer,
    Student,
    TwoTask,
    render_all,
)
from students.logit_store import Capture, capture

__all__ = ["CASES", "LONGEST", "SHORTEST", "VARIANTS", "Case", "data_of", "write_lessons"]

SHORTEST, LONGEST = 3, 512
"""Tokens of a text, its end included."""
TEXTS = [LONGEST, SHORTEST, 4, 17, 129, 9, 40, 6, 33, SHORTEST, 66, 12, 5]
QUESTIONS = [1, 450, 2, 100, 3, 40, 1, 8, 90, 2, 1, 25, 14]
LABELS = ["even", "odd"]
SOURCE = Provenance(teacher="Recorded", model="none", template="none/1", request_key="none")
BYTE_PAIRS = BytePairTokenizer(["ab ba abba baab", "even odd 0123456789", "cab bad dab abcd"], 280)


class Case(NamedTuple):
    """A module, and how its lessons are rendered."""

    module: Callable[[Path, LoRA | None], SupervisedModule]
    """Builds it, from the folder of `write_lessons` and the student's adapter."""
    rendering: Callable[[Path], Rendering]
    """Builds the rendering, from that folder."""
    target: str | None = None
    """The kind of annotation that makes a lesson."""


class Vowels(Grader):
    """Right is what has a vowel in it; partial credit for each."""

    def grade(self, text: str, prompt: Prompt) -> Grade:
        vowels = sum(letter in "aeiouAEIOU" for letter in text)
        return Grade(vowels > 0, min(1.0, vowels / 4), None, self.name)


def write_lessons(folder: Path, passes: int = 1) -> Path:
    """Write 13 prompts with all that any module learns from, two weighted plans, and a store of logits."""
    draw = random.Random(5)
    prompts, annotations, attempts = [], [], []
    for number, (question, length) in enumerate(zip(QUESTIONS, TEXTS, strict=True)):
        name, label, other = f"p{number}", LABELS[number % 2], LABELS[1 - number % 2]
        asked = (Message("user", words(draw, question)),)
        prompts.append(Prompt(name, asked, reference=label, difficulty=float(number)))
        for sample, right in enumerate([True, False, True, False][: 2 + number % 3]):
            text = words(draw, length - 1 if not sample else draw.choice([2, 3, 8, 50]))
            mark = Grade(right, float(right), None, "exact/1")
            answer = label if right else other
            annotations.append(Annotation(name, "rationale", sample, text, SOURCE, answer=answer, grade=mark))
            whole = f"{text}\nAnswer: {answer}"
            judged = Annotation(name, "judgement", sample, "", SOURCE, value=draw.random(), subject=whole)
            annotations.append(judged)
            attempts.append(Attempt(name, "student", text, sample, mark, truncated=draw.random() < 0.2))
        logits: Any = {label: draw.gauss(0, 2) for label in LABELS}
        annotations.append(Annotation(name, "class_scores", 0, "", SOURCE, data={"logits": logits}))
    write_prompts(folder / "prompts.parquet", prompts)
    write_annotations(folder / "lessons.parquet", annotations)
    write_attempts(folder / "attempts.parquet", attempts)
    for target in (None, "rationale"):
        lessons = LessonSet.read(folder / "prompts.parquet", folder / "lessons.parquet", target=target)
        made = plan(lessons, [Given()], EasyFirst(), order_by="given_difficulty", passes=passes).curriculum
        weight = np.random.default_rng(0).choice([0.5, 1.0, 2.0], len(made))
        replace(made, weight=weight).write(folder / f"plan-{target}")
    examples = [e for found in render_all(TwoTask(), lessons, teacher().encoder).examples.values() for e in found]
    capture(teacher(), teacher(), examples, "TwoTask", folder / "store", Capture(tokens_kept=8, sequences_per_shard=9))
    return folder


def words(draw: random.Random, length: int) -> str:
    """Return a text of so many characters, with no space at its ends."""
    return "".join(draw.choice("abcd " if 0 < k < length - 1 else "abcd") for k in range(length))


def data_of(case: Case, folder: Path, lessons_per_update: int, **settings: Any) -> CurriculumDataModule:
    """Return a case's lessons."""
    return CurriculumDataModule(
        str(folder / "prompts.parquet"), case.rendering(folder), str(folder / "lessons.parquet"),
        str(folder / f"plan-{case.target}"), case.target, lessons_per_update=lessons_per_update, **settings,
    )  # fmt: skip


def pupil(adapter: LoRA | None) -> Student:
    """The student of all cases."""
    return Student(Outspoken(), adapter, precision="float32")


def byte_pair_teacher() -> Student:
    """A teacher that writes other tokens."""
    return Student(RandomWeights(24, layers=1, heads=2, tokenizer=BYTE_PAIRS, seed=9), precision="float32")


def scorer(labels: list[str] | None = None) -> Scorer:
    """The student with a scoring head, which takes no adapter."""
    return Scorer(Outspoken(), labels, precision="float32")


def supervised_on_two_tasks(build: Callable[[Path, LoRA | None], SupervisedModule]) -> Case:
    """A module that learns given texts: two parts of the loss, of which one has texts of 3 to 512 tokens."""
    return Case(build, lambda folder: TwoTask(), "rationale")


def preferring(preference: Callable[[], Preference], rendering: Rendering, reference: bool = False) -> Case:
    """A preference loss; compared with another model where its own start would hide what the reference does."""

    def build(folder: Path, adapter: LoRA | None) -> SupervisedModule:
        other = Student(Outspoken(seed=7), precision="float32") if reference else None
        return PreferenceModule(pupil(adapter), preference(), other)

    return Case(build, lambda folder: rendering)


def asking(build: Callable[[Path, LoRA | None], SupervisedModule]) -> Case:
    """A module that learns from what the student writes, on questions of very different lengths."""
    return Case(build, lambda folder: QuestionOnly())


def answering(build: Callable[[Path, LoRA | None], SupervisedModule], **settings: Any) -> Case:
    """A module that learns from stored answers with marks."""
    return Case(build, lambda folder: AnswerGroups(str(folder / "attempts.parquet"), **settings))


PAIRS = Pairs(RightAgainstWrong(pairs_per_prompt=2))
ON_POLICY = Sampling(max_new_tokens=8, samples=2)

CASES: dict[str, Case] = {
    "supervised": supervised_on_two_tasks(lambda folder, adapter: SupervisedModule(pupil(adapter))),
    "masked thought": supervised_on_two_tasks(
        lambda folder, adapter: NoisyInputs(pupil(adapter), MaskedTokens("Z"), warmup_share=0.3)
    ),
    "own tokens": supervised_on_two_tasks(
        lambda folder, adapter: NoisyInputs(pupil(adapter), OwnTokens(1.0), warmup_share=0.3)
    ),
    "logits, teacher in the run": supervised_on_two_tasks(
        lambda folder, adapter: LogitDistillation(
            pupil(adapter), teacher(), GeneralizedJSD(0.3), temperature=2.0, teacher_schedule=Linear(0.0)
        )
    ),
    "logits, stored": supervised_on_two_tasks(
        lambda folder, adapter: LogitDistillation(pupil(adapter), LogitStore(str(folder / "store")), ForwardKL())
    ),
    "features": supervised_on_two_tasks(
        lambda folder, adapter: FeatureDistillation(
            pupil(adapter), teacher(), [HiddenDistance(), HiddenCosine(), HiddenSimilarity()], ForwardKL(), 0.5
        )
    ),
    "other tokenizer, GOLD": supervised_on_two_tasks(
        lambda folder, adapter: CrossTokenizerDistillation(
            pupil(adapter), byte_pair_teacher(), GOLD(GeneralizedJSD(0.5)), temperature=2.0
        )
    ),
    "Margin-MSE": Case(
        lambda folder, adapter: ScoreDistillation(scorer(), scale=4.0),
        lambda folder: ScoredTexts(scored_by="judgement"),
    ),
    "dual head": Case(
        lambda folder, adapter: DualHeadDistillation(scorer(LABELS)), lambda folder: ClassifiedQuestions()
    ),
    "DistiLLM": supervised_on_two_tasks(
        lambda folder, adapter: OnPolicyDistillation(
            pupil(adapter),
            teacher(),
            SkewReverseKL(),
            Sampling(max_new_tokens=8, replay=Replay(capacity=30, oldest_updates=5, anew="half")),
            AdaptiveShare(ProbeLosses(4), "probe_loss", every_updates=2, start=0.7, tolerance=0.0),
        )
    ),
    "MiniLLM": asking(
        lambda folder, adapter: OnPolicyDistillation(
            pupil(adapter), teacher(), ReverseKL(), ON_POLICY, policy_gradient=SampledReverseKL("exact", "mean")
        )
    ),
    "DPO": preferring(lambda: DPO(floor_weight=2.0, supervised_weight=0.5, largest_fall=50.0), PAIRS, reference=True),
    "KTO": preferring(lambda: KTO(0.5, largest_fall=50.0), Contrasts(mismatched=True), reference=True),
    "AFT": preferring(lambda: AFT(), Contrasts()),
    "stored answers, NFT": answering(lambda folder, adapter: VerifiedModule(pupil(adapter), NegativeAware())),
    "marginal likelihood": answering(
        lambda folder, adapter: MarginalLikelihood(pupil(adapter), 0.5, 0.3), right_only=True
    ),
    "sampled answers, GRPO": asking(
        lambda folder, adapter: OnlineVerifiedModule(
            pupil(adapter),
            GroupAdvantage(),
            Sampling(max_new_tokens=4, samples=4),
            Vowels(),
            "answers",
            reward="score",
            reference_weight=0.5,
        )
    ),
}
"""Every module, and every way in which one of them counts."""

VARIANTS: dict[str, Case] = {
    "other tokenizer, ULD": supervised_on_two_tasks(
        lambda folder, adapter: CrossTokenizerDistillation(pupil(adapter), byte_pair_teacher(), ULD())
    ),
    "scores": Case(
        lambda folder, adapter: ScoreDistillation(scorer(), "scores"),
        lambda folder: ScoredTexts(scored_by="judgement"),
    ),
    "GKD": supervised_on_two_tasks(
        lambda folder, adapter: OnPolicyDistillation(
            pupil(adapter), teacher(), GeneralizedJSD(0.3), ON_POLICY, student_share=0.5, supervised_weight=0.25
        )
    ),
    "IPO": preferring(lambda: IPO(), PAIRS, reference=True),
    "SimPO": preferring(lambda: SimPO(), PAIRS),
    "ORPO": preferring(lambda: ORPO(), PAIRS),
    "REDI": preferring(lambda: REDI(length="update"), PAIRS),
    "UFT": preferring(lambda: UFT(), Contrasts(), reference=True),
    "NPO": preferring(lambda: NPO(supervised_weight=0.5), Contrasts()),
    "stored answers, GRPO": answering(
        lambda folder, adapter: VerifiedModule(pupil(adapter), GroupAdvantage(), "answers", reference_weight=0.5)
    ),
    "sampled answers, NFT": asking(
        lambda folder, adapter: OnlineVerifiedModule(
            pupil(adapter), NegativeAware(), Sampling(max_new_tokens=4, samples=4), Vowels()
        )
    ),
}
"""Other formulas in the same modules, counted in the same ways."""
