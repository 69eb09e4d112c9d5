from __future__ import annotations

from pathlib import Path

import jinja2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lessons.errors import ConfigError
from lessons.records import Message, Prompt
from teachers.annotators import Template
from teachers.annotators.template_section import TemplateSection

PROMPT = Prompt("p", (Message("user", "Is {{ 7 * 7 }} $\\frac{1}{2}$?"),), topic="t")


def write(folder: Path, text: str) -> str:
    path = folder / "mine.txt"
    path.write_text(text)
    return str(path)


@pytest.mark.parametrize("name", ["rationale", "critique", "difficulty"])
def test_the_shipped_templates_fill_in(name: str) -> None:
    template = Template(None, name)
    (message,) = template.messages(PROMPT, attempt="an attempt", steps="1. an attempt")
    assert PROMPT.question in message.content
    assert template.label.startswith(f"{name}/")


def test_what_a_prompt_says_is_never_run_as_a_template(tmp_path: Path) -> None:
    (message,) = Template(write(tmp_path, "name: x/2\n[user]\n{{ question }} {{ topic }}"), "rationale").messages(
        PROMPT
    )
    assert message.content == "Is {{ 7 * 7 }} $\\frac{1}{2}$? t"


def test_the_label_follows_the_text(tmp_path: Path) -> None:
    first = Template(write(tmp_path, "name: x/2\n[user]\n{{ question }}"), "rationale").label
    second = Template(write(tmp_path, "name: x/2\n[user]\n{{ question }}!"), "rationale").label
    assert first != second
    assert first.split("@")[0] == second.split("@")[0] == "x/2"


def test_turns_stay_turns_and_the_system_message_stays(tmp_path: Path) -> None:
    turns = (
        Message("system", "Be kind."),
        Message("user", "Hi"),
        Message("assistant", "Hello"),
        Message("user", "2+2?"),
    )
    path = write(tmp_path, "name: x/1\n[user]\nQ: {{ question }}")
    assert Template(path, "rationale").messages(Prompt("p", turns)) == (*turns[:3], Message("user", "Q: 2+2?"))
    own = write(tmp_path, "name: x/1\n[system]\nYou were told: {{ system }}\n[user]\n{{ conversation }}")
    system, *_, last = Template(own, "rationale").messages(Prompt("p", turns))
    assert system == Message("system", "You were told: Be kind.")
    assert last.content == "User: Hi\n\nAssistant: Hello\n\nUser: 2+2?"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[user]\nhello", 'must have the first line "name: word/version"'),
        ("name: x/1\nhello", 'one section "\\[user\\]"'),
        ("name: x/1\nstray\n[user]\nhello", "wrong shape"),
        ("name: x/1\n[user]\n{{ question", "not valid Jinja2"),
        ("name: x/1\n[user]\n{{ attempts }}", "failed for the prompt 'p'.*'attempts' is undefined.*It may use"),
        ("name: x/1\n[user]\n{{ question.__class__.__mro__ }}", "failed for the prompt"),
    ],
)
def test_broken_templates_are_explained(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Template(write(tmp_path, text), "rationale").messages(PROMPT)


NAMED = ["question", "topic", "reference"]
LEAVES = st.one_of(
    st.sampled_from(["{{ question }}", "{{topic}}", "{{- reference }}", "{# no #}", "\n", " ", "{{ topic | upper }}"]),
    st.sampled_from(["{% for c in topic %}{{ c }}{% if c %}.{% endif %}{% endfor %}", "{% set topic = 7 %}"]),
    st.text("ab {}%\n", max_size=5),
)


def if_of(name: str, mark: str, yes: str, no: str) -> str:
    return f"{{%{mark} if {name} %}}{yes}{{% else %}}{no}{{%{mark} endif %}}"


SECTIONS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4).map("".join),
        st.builds(if_of, st.sampled_from([*NAMED, "not topic"]), st.sampled_from(["", "-"]), inner, inner),
    ),
    max_leaves=12,
)
SHOWN = st.one_of(st.none(), st.just(""), st.text(max_size=3), st.lists(st.text(max_size=2), max_size=2))


@given(SECTIONS, st.lists(st.tuples(SHOWN, SHOWN, SHOWN), min_size=1, max_size=4))
def test_sections_say_what_jinja_makes_of_them(text: str, prompts: list[tuple[object, object, object]]) -> None:
    try:
        section, reference = TemplateSection(text), jinja2.Template(text, undefined=jinja2.StrictUndefined)
    except jinja2.TemplateError:
        return  # the texts between the marks happened to hold a mark
    for shown in prompts:
        values = dict(zip(NAMED, shown, strict=True))
        try:
            expected = reference.render(values)
        except TypeError:  # a loop over None
            continue
        assert section.render(values) == expected


def test_only_what_is_shown_of_a_prompt_is_read() -> None:
    names = {name for name, _ in Template(None, "rationale").reads}
    assert "question" in names
    assert "conversation" not in names
