"""A course as data: what is taught, by whom, to whom, in which ways, and how it is examined."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal, cast

from curricula import Mixture, NextPrompts, Ordering, Selector, Shuffled, Signal
from lessons.errors import ConfigError
from lessons.grading import Grader
from lessons.sources import PromptSource
from students.decoding import Generation
from students.renderings import Rendering
from students.student import Student
from teachers import Annotator, Batches, Budget, Limits, RecordedAnnotations, TeacherBackend
from tutelage.course_checks import check_course
from tutelage.stored_logits import StoredLogits

__all__ = ["Arm", "Course", "Training"]

PassedOn = int | str | dict[str, Any] | None
"""A setting that only training understands. Not `Any`: the parser would then fill in all that a class takes, also what
training itself gives it, such as `optimizer: null` for one of torch's schedulers."""


@dataclass(frozen=True)
class Training:
    """How an arm is trained. All keys are passed on to `tutelage train`."""

    lessons_per_update: int = 32
    """Curriculum entries that one optimiser update learns from, over all devices and micro-batches."""
    micro_batches: int = 1
    """In how many parts, one after the other, a device works through its share of an update: more need less memory."""
    max_tokens: int | None = None
    """Longest training sequence in tokens; longer lessons are counted and left out, never cut. None: no limit."""
    optimizer: dict[str, Any] = field(
        default_factory=lambda: {"class_path": "torch.optim.AdamW", "init_args": {"lr": 2e-4, "weight_decay": 0.01}}
    )
    """The optimiser: class_path and init_args."""
    schedule: dict[str, Any] | None = None
    """How the learning rate changes: class_path (lightning_modules.Cosine ...) and init_args; None keeps it."""
    module: dict[str, Any] = field(default_factory=dict)
    """More init_args of lightning_modules.SupervisedModule; or class_path and init_args of another module."""
    feedback: dict[str, Any] = field(default_factory=dict)
    """What is measured on the student for a plan that hears: {every_updates: 20, measures: [...]}."""
    data: dict[str, Any] = field(default_factory=dict)
    """More settings of lightning_modules.CurriculumDataModule."""
    checkpoint: dict[str, Any] = field(default_factory=dict)
    """How often a run is saved: {every_updates: 100} or {every_minutes: 5}."""
    trainer: dict[str, Any] = field(default_factory=dict)
    """More settings of Lightning's Trainer, such as {gradient_clip_val: 1.0, precision: bf16-true, devices: 2}."""


@dataclass(frozen=True)
class Arm:
    """One way of teaching: what the student sees, in which order. All arms of a course share everything else."""

    rendering: Rendering
    """How a lesson becomes training text."""
    target: str | None = None
    """The kind of annotation that makes a lesson ("rationale", "critique"); None for one lesson a prompt."""
    targets_per_prompt: int = 1
    """At most this many lessons a prompt."""
    trusted_only: bool = True
    """Leave out annotations that could not be read or were graded wrong."""
    signals: list[Signal] = field(default_factory=list)
    """What to measure about every lesson."""
    ordering: Ordering | None = None
    """How to order one pass; None shuffles."""
    order_by: str | None = None
    """Name of the signal to order by."""
    passes: float = 1.0
    """How often to go through the lessons."""
    minimum_length: int = 0
    """Go on with further passes until the plan has this many entries: gives a control arm as many updates."""
    select: list[Selector] = field(default_factory=list)
    """Which lessons to leave out, step by step, each from what the ones before it kept."""
    mixture: Mixture | None = None
    """Which lessons every update draws from the order; None goes through it, pass by pass."""
    logits: StoredLogits | None = None
    """A teacher whose logits over the arm's lessons are stored before it trains; the arm's module gets them as its
    `teacher`. Arms with the same lessons, rendering and teacher share them."""
    training: dict[str, PassedOn] = field(default_factory=dict)
    """Keys of the course's `training` that this arm sets otherwise."""

    @property
    def order(self) -> Ordering:
        """The ordering of one pass."""
        return self.ordering or Shuffled()

    @property
    def reading(self) -> dict[str, Any]:
        """The settings that choose its lessons."""
        return {name: getattr(self, name) for name in ("target", "targets_per_prompt", "trusted_only")}

    def training_settings(self, shared: Training, name: str) -> Training:
        """Return the course's training settings with this arm's own put over them."""
        known = [found.name for found in fields(Training)]
        unknown = [key for key in self.training if key not in known]
        if unknown:
            raise ConfigError(
                f"The arm {name!r} sets training.{unknown[0]}, which does not exist. Allowed are {', '.join(known)}. "
                "Correct the key; settings of Lightning's Trainer stand under `trainer`."
            )
        return replace(shared, **cast("dict[str, Any]", self.training))


@dataclass(frozen=True)
class Course:
    """Teach the same student the same prompts in one or several ways, examine all of them alike, and report.

    A course is a folder. Each of its steps reads files and writes files; run again, it goes on at the first step that
    is not finished. A step that was finished with other settings is never reused or overwritten: it is an error.
    """

    folder: str
    """The course's folder, made if need be."""
    prompts: PromptSource
    """The pool of prompts to teach."""
    exam: PromptSource
    """The exam's questions; none of them may be among the prompts."""
    grader: Grader
    """Marks exams and, where prompts have references, the teacher's answers."""
    student: Student
    """Who learns; every arm starts from these weights."""
    arms: dict[str, Arm]
    """The ways of teaching, by name. Verdicts compare every arm with the first."""
    teacher: TeacherBackend | None = None
    """Whom the annotators ask; None when all annotations are recorded, or none are needed."""
    annotators: list[Annotator] = field(default_factory=list)
    """What to ask the teacher for."""
    recordings: list[RecordedAnnotations] = field(default_factory=list)
    """Annotations made elsewhere, imported and graded; may stand beside a teacher's own of other kinds."""
    limits: Limits | None = None
    """How fast the teacher may be asked."""
    budget: Budget | None = None
    """What the whole course may spend on the teacher; None for no cap."""
    ledger: str | None = None
    """The file that keeps every paid reply; None for ledger.sqlite in the course's folder. Courses may share one."""
    batches: Batches | None = None
    """Buy annotations through the provider's batch interface, at its lower price; None asks live."""
    allow_partial: bool = False
    """Go on when some prompts could not be annotated; they are listed in failures.jsonl."""
    generation: Generation | None = None
    """How students write their answers at the exam; None for greedy answers of up to 256 tokens."""
    training: Training = field(default_factory=Training)
    """How the arms are trained; an arm can set single keys otherwise."""
    rounds: int = 1
    """How many rounds of distil, plan, train, evaluate. A later round goes on with each arm's student."""
    prompts_per_round: int | None = None
    """How many prompts a round asks about; None for the whole pool in a single round."""
    next_prompts: NextPrompts | None = None
    """Chooses the prompts of later rounds from those not asked about yet, by the last exam."""
    follow: str | None = None
    """The arm whose exam decides about the next prompts; None for the last arm."""
    shared_questions: Literal["refuse", "drop"] = "refuse"
    """What to do with prompts that are also exam questions: refuse the course, or leave them out of the prompts."""
    examine_base: bool = True
    """Whether the untaught student sits the exam too."""
    examine_teacher: bool = True
    """Whether the teacher sits the exam too: one call a question, kept in the ledger."""
    sample_answers: int = 6
    """How many exam questions the report shows with everyone's answers."""
    seed: int = 0
    """Seed of plans, prompt choice and training."""

    @property
    def root(self) -> Path:
        """The course's folder."""
        return Path(self.folder)

    @property
    def name(self) -> str:
        """The course's name: its folder's."""
        return self.root.resolve().name

    @property
    def ledger_path(self) -> Path:
        """The ledger's file."""
        return Path(self.ledger) if self.ledger else self.root / "ledger.sqlite"

    @property
    def annotated(self) -> bool:
        """Whether the rounds have annotations at all."""
        return bool(self.annotators or self.recordings)

    @property
    def backends(self) -> list[TeacherBackend]:
        """Every model that is asked: the teacher, and those that single annotators bring along."""
        if self.teacher is None:
            return []
        found = {id(self.teacher): self.teacher}
        for annotator in self.annotators:
            found.update((id(backend), backend) for backend in annotator.backends)
        return list(found.values())

    @property
    def kinds(self) -> list[str]:
        """The kinds of annotations that annotators and recordings make."""
        return [*(annotator.kind for annotator in self.annotators), *(found.kind for found in self.recordings)]

    @property
    def followed(self) -> str:
        """The arm whose exam decides about the next prompts."""
        return self.follow or list(self.arms)[-1]

    def round_folder(self, number: int) -> Path:
        """Return the folder of a round."""
        return self.root / f"round-{number:03d}"

    def data_files(self, number: int) -> tuple[Path, Path | None]:
        """Return a round's prompts and annotations."""
        folder = self.round_folder(number)
        return folder / "prompts.parquet", folder / "lessons.parquet" if self.annotated else None

    def check(self) -> None:
        """Refuse settings that contradict each other, before anything is spent.

        Raises:
            ConfigError: With what to change.
        """
        check_course(self)
