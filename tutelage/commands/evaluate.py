"""`tutelage evaluate`: a student, a base model or a teacher sits an exam; or a critic is examined."""

from __future__ import annotations

from pathlib import Path

from lessons.errors import ConfigError
from lessons.grading import Grader
from lessons.sources import PromptSource, unique
from students.decoding import Generation
from students.renderings import Rendering
from students.student import Student
from teachers import Annotator, Budget, CriticExam, Limits, TeacherBackend
from tutelage.critics import CRITIC_FILES, examine, foresee, inputs_of
from tutelage.foretelling import foretell
from tutelage.progress import say
from tutelage.report.verdicts import marks
from tutelage.settings import settings_of
from tutelage.steps import Step, run_step

__all__ = ["evaluate"]


def evaluate(
    out: str,
    exam: PromptSource,
    grader: Grader,
    student: Student | None = None,
    rendering: Rendering | None = None,
    generation: Generation | None = None,
    teacher: TeacherBackend | None = None,
    annotator: Annotator | None = None,
    ledger: str | None = None,
    limits: Limits | None = None,
    budget: Budget | None = None,
    author: str | None = None,
    samples: int = 1,
    critic: CriticExam | None = None,
    dry_run: bool = False,
) -> None:
    """Let a model sit an exam; write attempts.parquet and report.json. Or examine a critic; write critic.json.

    Args:
        out: Folder to write to.
        exam: The questions.
        grader: Who marks.
        student: The model that sits: a trained student's folder or any base model (weights: students.Pretrained).
        rendering: The rendering the student was trained with; None puts the questions as they are.
        generation: How the student writes its answers; None for greedy answers of up to 256 tokens.
        teacher: A teacher that sits in place of a student.
        annotator: How to ask the teacher; None for teachers.RationaleAnnotator, one answer a question.
        ledger: The file that keeps the teacher's replies; None for ledger.sqlite in `out`.
        limits: How fast the teacher may be asked.
        budget: What the exam may spend on the teacher.
        author: Name to store with the answers; None for the model's own.
        samples: Answers of a student to each question; several need generation.temperature above 0. The report then has
            pass@1, the mean over all answers, with an interval over the questions, and curricula.Tries reads from
            attempts.parquet how often each question is passed.
        critic: A critic that is examined in place of a student or teacher: do its critiques lead to right answers?
        dry_run: Only say how many calls, tokens and dollars a teacher's or critic's exam would take; ask nobody, write
            nothing.
    """
    from tutelage.examination import examine_student, examine_teacher
    from tutelage.pool import write_exam

    check_sitting(student, teacher, critic, samples)
    folder = Path(out)
    where = Path(ledger) if ledger else folder / "ledger.sqlite"
    if dry_run:
        foretell_exam(exam, teacher, annotator, critic, grader, where, limits, budget)
        return
    questions = folder / "exam.parquet"
    run_step(Step("exam", folder, (questions,), lambda: write_exam(exam, questions), {"exam": settings_of(exam)}))
    if critic is not None:
        evaluate_critic(critic, questions, folder, grader, where, limits, budget)
        return

    def action() -> None:
        if student is not None:
            name = author or student.weights.name
            examine_student(student, questions, folder, grader, generation, rendering, name, samples)
        elif teacher is not None:
            examine_teacher(teacher, annotator, questions, folder, grader, where, limits, budget, author)

    step = Step(
        name="evaluate",
        folder=folder,
        outputs=(folder / "attempts.parquet", folder / "report.json"),
        action=action,
        settings={
            "grader": settings_of(grader),
            "student": settings_of(student),
            "rendering": settings_of(rendering),
            "generation": settings_of(generation),
            "teacher": settings_of(teacher),
            "annotator": settings_of(annotator),
            "author": author,
            **({"samples": samples} if samples != 1 else {}),
        },
        inputs=(questions,),
    )
    if not run_step(step):
        say(f"{folder} holds this very exam already.")
    tell(folder)


def check_sitting(
    student: Student | None, teacher: TeacherBackend | None, critic: CriticExam | None, samples: int
) -> None:
    """Refuse an exam that nobody or several sit, and several answers of one who is paid for each.

    Raises:
        ConfigError: It is such an exam.
    """
    sitting = [name for name, who in (("student", student), ("teacher", teacher), ("critic", critic)) if who]
    if len(sitting) != 1:
        raise ConfigError(
            f"An exam is sat by exactly one of `student`, `teacher` and `critic`; {' and '.join(sitting) or 'none'} "
            "were given. Set one, and run the command again with another --out for another."
        )
    if samples != 1 and student is None:
        raise ConfigError(
            f"samples={samples} answers to each question are only asked of a student; allowed is 1 for a "
            f"{sitting[0]}, whose answers may cost money. Leave `samples` out."
        )


def tell(folder: Path) -> None:
    """Print the report of an exam, with its tiers."""
    from tutelage.examination import read_card

    card = read_card(folder)
    several = f" in {card.samples} answers to each of {card.prompts} questions" if card.samples > 1 else ""
    print(f"{card.author}: {marks(card.overall)}{several}")
    for tier, cell in card.by_tier.items():
        print(f"  {tier}: {marks(cell)}")


def foretell_exam(
    exam: PromptSource, teacher: TeacherBackend | None, annotator: Annotator | None, critic: CriticExam | None,
    grader: Grader, ledger: Path, limits: Limits | None, budget: Budget | None,
) -> None:  # fmt: skip
    """Print what the exam of a teacher or a critic would take.

    Raises:
        ConfigError: A student sits, who costs nothing.
    """
    from teachers.estimate import estimate
    from tutelage.examination import exam_annotator

    questions = list(unique(exam.prompts()))
    if critic is not None:
        foretell(foresee(critic, questions, grader, ledger, limits, budget))
    elif teacher is not None:
        foretell(estimate(questions, teacher, [exam_annotator(annotator)], grader, ledger, limits, budget))
    else:
        raise ConfigError(
            "dry_run foretells what a teacher or a critic will be asked and cost; a student, who sits this exam, runs "
            "here and costs nothing. Leave dry_run out."
        )


def evaluate_critic(
    critic: CriticExam, questions: Path, folder: Path, grader: Grader, ledger: Path, limits: Limits | None,
    budget: Budget | None,
) -> None:  # fmt: skip
    """Examine a critic as a step, and print what came of it."""
    report = folder / "critic.json"
    step = Step(
        name="critic",
        folder=folder,
        outputs=tuple(folder / name for name in CRITIC_FILES),
        action=lambda: {"text": examine(critic, questions, folder, grader, ledger, limits, budget).text()},
        settings={"critic": settings_of(critic), "grader": settings_of(grader)},
        inputs=(questions, *inputs_of(critic)),
    )
    if not run_step(step):
        say(f"{folder} holds this very examination already.")
    print(step.notes["text"])
    print(f"report: {report}")
