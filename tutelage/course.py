"""A course as data: what is taught, by whom, to whom, in which ways, and how it is examined."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from curricula import NextPrompts
from lessons.errors import ConfigError
from lessons.grading import Grader
from lessons.sources import PromptSource
from students.decoding import Generation
from students.student import Student
from teachers import Annotator, Batches, Budget, Limits, RecordedAnnotations, TeacherBackend
from tutelage.arms import NAME, Arm, Training

__all__ = ["Arm", "Course", "Training"]

TAKEN = ("base", "teacher", "steps", "exams")


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
        self.check_arms()
        self.check_kinds()
        if not self.student.writes:
            raise ConfigError(
                f"The student is a {type(self.student).__name__}, which gives scores and writes no text, but a course "
                "examines answers. Needed is a students.Student. Train scorers with `tutelage train`."
            )
        if self.annotators and self.teacher is None:
            kinds = ", ".join(type(annotator).__name__ for annotator in self.annotators)
            raise ConfigError(
                f"There are annotators ({kinds}) but no teacher to ask. "
                "Set `teacher`, or leave out `annotators` and import annotations with `recordings`."
            )
        if self.rounds < 1 or (self.prompts_per_round is not None and self.prompts_per_round < 1):
            raise ConfigError(
                f"rounds = {self.rounds} and prompts_per_round = {self.prompts_per_round}; both must be at least 1. "
                "Correct them."
            )
        if self.rounds > 1 and (self.next_prompts is None or self.prompts_per_round is None):
            raise ConfigError(
                f"rounds = {self.rounds} needs `next_prompts` (such as class_path: curricula.WeakTopics) and "
                "`prompts_per_round`, so that later rounds have prompts of their own. Set both, or rounds: 1."
            )

    def check_kinds(self) -> None:
        """Refuse two sources of one kind of annotation: their samples could not be told apart."""
        kinds = self.kinds
        twice = sorted({kind for kind in kinds if kinds.count(kind) > 1})
        if twice:
            raise ConfigError(
                f"{twice[0]!r} would come from {kinds.count(twice[0])} annotators or recordings; each kind must "
                "come from one. Leave the others out, or join the recordings in one file."
            )

    def check_arms(self) -> None:
        """Refuse arms that cannot be."""
        if not self.arms:
            raise ConfigError("`arms` is empty: at least one way of teaching is needed. Add one with a `rendering`.")
        for name, arm in self.arms.items():
            if not NAME.fullmatch(name) or name in TAKEN:
                raise ConfigError(
                    f"An arm cannot be called {name!r}: arms are folders. Allowed are letters, digits, '-' and '_', "
                    f"and none of {', '.join(TAKEN)}. Rename it."
                )
            arm.check(name, self.training, self.student.adapter is not None)
            if arm.target and arm.target not in self.kinds:
                raise ConfigError(
                    f"The arm {name!r} learns from the target {arm.target!r}, but no annotator or recording "
                    f"makes one; they make {', '.join(self.kinds) or 'nothing'}. Add it, or correct `target`."
                )
        if self.follow is not None and self.follow not in self.arms:
            raise ConfigError(
                f"follow = {self.follow!r} is not an arm; the arms are {', '.join(self.arms)}. Correct `follow`."
            )
