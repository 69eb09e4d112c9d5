from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lessons.errors import ConfigError
from lessons.records import Message, Prompt
from teachers.annotators import ParseProblem, SkillsAnnotator
from teachers.backend import Completion

PROMPT = Prompt("p", (Message("user", "2+2?"),), reference="4")


def completion(text: str) -> Completion:
    return Completion(text, "stop", 1, 1, "m")


def test_skills_become_a_list_without_repetitions() -> None:
    fields = SkillsAnnotator().parse(
        completion("Skills: Column Addition, carrying ,  carrying, *place value*."), PROMPT
    )
    assert fields.data == {"skills": ["column addition", "carrying", "place value"]}
    assert fields.answer == "column addition"


def test_a_list_of_the_user_is_shown_and_kept_to() -> None:
    annotator = SkillsAnnotator(skills=["Adding", "Carrying"])
    assert "- Adding\n- Carrying\n" in annotator.build(PROMPT)[-1].content
    assert annotator.parse(completion("Skills: carrying, adding"), PROMPT).data == {"skills": ["Carrying", "Adding"]}
    with pytest.raises(ParseProblem, match="the skill 'guessing' is not one of the listed"):
        annotator.parse(completion("Skills: carrying, guessing"), PROMPT)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("adding", 'no line "Skills: ..."'),
        ("Skills: a, b, c, d, e", "5 skills, where 4 are the most"),
        ("Skills: a,, b", "the skill '' is not a name"),
        ("Skills: " + "long " * 20, "is not a name of 1 to 60 characters"),
    ],
)
def test_other_labels_are_problems_with_a_reason(text: str, reason: str) -> None:
    with pytest.raises(ParseProblem, match=reason):
        SkillsAnnotator().parse(completion(text), PROMPT)


@given(st.text() | st.text("Skils: ab,*\n"))
def test_nothing_but_the_documented_error_is_raised(text: str) -> None:
    try:
        fields = SkillsAnnotator().parse(completion(text), PROMPT)
    except ParseProblem:
        return
    assert 1 <= len(fields.data["skills"]) <= 4


@pytest.mark.parametrize("settings", [{"most": 0}, {"skills": []}, {"skills": ["a, b"]}])
def test_senseless_settings_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=r"SkillsAnnotator got most=.*Needed are at least 1 skill a prompt"):
        SkillsAnnotator(**settings).check(None)  # type: ignore[arg-type]


def test_the_reference_is_only_shown_where_allowed() -> None:
    assert "right answer" not in SkillsAnnotator().build(PROMPT)[-1].content
    assert "The right answer is 4." in SkillsAnnotator(show_reference=True).build(PROMPT)[-1].content
