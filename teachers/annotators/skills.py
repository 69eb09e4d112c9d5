"""Skills: what one must be able to do to answer a question."""

from __future__ import annotations

from typing import Any

from lessons.errors import ConfigError
from lessons.grading import Grader
from lessons.records import Message, Prompt
from teachers.annotators.asking import Fields, ParseProblem
from teachers.annotators.base import Annotator
from teachers.annotators.labels import last_label
from teachers.exchange import Completion

__all__ = ["SkillsAnnotator"]

LONGEST = 60


class SkillsAnnotator(Annotator):
    """Asks which skills a question takes, the most important first.

    The annotation's `data` has the list `skills`: short lower-case names, or names of the user's list as they stand
    there. Its `answer` is the most important one.

    Args:
        most: At most so many skills for one prompt.
        skills: The skills to choose from; None to let the teacher name them.
        temperature: Temperature of sampling; None for the provider's default.
        max_output_tokens: Upper bound on the tokens of one reply, hidden reasoning included.
        seed: Seed, for teachers that honour seeds.
        show_reference: Show the teacher the right answer (marked as such).
        repairs: How often a reply that cannot be read is sent back with the reason: 0 or 1.
        template: Text file with another prompt template; copy teachers/annotators/templates/skills.txt.
    """

    kind = "skills"

    def __init__(
        self,
        most: int = 4,
        skills: list[str] | None = None,
        temperature: float | None = 0.0,
        max_output_tokens: int = 256,
        seed: int | None = None,
        show_reference: bool = False,
        repairs: int = 1,
        template: str | None = None,
    ) -> None:
        super().__init__(
            temperature=temperature,
            max_output_tokens=max_output_tokens,
            seed=seed,
            show_reference=show_reference,
            repairs=repairs,
            template=template,
        )
        self.most = most
        self.skills = skills

    def check(self, grader: Grader | None) -> None:
        """Refuse settings that cannot work.

        Raises:
            ConfigError: No skill may be named, or there is none to choose from.
        """
        super().check(grader)
        if self.most < 1 or (self.skills is not None and (not self.skills or any("," in s for s in self.skills))):
            raise ConfigError(
                f"SkillsAnnotator got most={self.most} and skills={self.skills}. Needed are at least 1 skill a prompt, "
                "and a list of names without commas, or none at all. Correct them."
            )

    def build(self, prompt: Prompt, **more: Any) -> tuple[Message, ...]:
        """Return the messages, which say how many skills and list those to choose from."""
        return super().build(prompt, most=self.most, skills=self.skills, **more)

    def parse(self, completion: Completion, prompt: Prompt) -> Fields:
        """Read the last line "Skills: one, another"."""
        text, label = last_label(completion.text, "Skills")
        names = [" ".join(name.split()).strip(" *_`.") for name in label.split(",")]
        found = list(dict.fromkeys(self.known(name) for name in names))
        if len(found) > self.most:
            raise ParseProblem(f"{len(found)} skills, where {self.most} are the most")
        return Fields(text, found[0], data={"skills": found})

    def known(self, name: str) -> str:
        """Return the skill of a name."""
        if not name or len(name) > LONGEST:
            raise ParseProblem(f"the skill {name[:40]!r} is not a name of 1 to {LONGEST} characters")
        if self.skills is None:
            return name.casefold()
        for skill in self.skills:
            if skill.casefold() == name.casefold():
                return skill
        raise ParseProblem(f"the skill {name[:40]!r} is not one of the listed")
