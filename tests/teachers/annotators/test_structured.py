from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from teachers.annotators import ParseProblem
from teachers.annotators.structured import form_in_words, json_object, parse_json

SCORE = {"type": "integer", "minimum": 1, "maximum": 5}
SCHEMA = json_object(
    {
        "reason": {"type": "string", "description": "one sentence"},
        "scores": {"type": "array", "items": json_object({"criterion": {"type": "string"}, "value": SCORE})},
        "share": {"type": ["number", "null"], "description": "part that is right"},
    }
)
GOOD: dict[str, Any] = {"reason": "fine", "scores": [{"criterion": "clear", "value": 4}], "share": 0.5}


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(GOOD),
        f"  {json.dumps(GOOD, indent=2)}\n",
        f"Here it is:\n```json\n{json.dumps(GOOD)}\n```\nI hope it helps.",
        f"```\n{json.dumps(GOOD)}\n```",
    ],
)
def test_one_object_is_read_with_text_around_it(text: str) -> None:
    assert parse_json(text, SCHEMA) == GOOD


def changed(**more: Any) -> str:
    return json.dumps({**GOOD, **more})


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "no JSON object"),
        ("I would say 4.", "no JSON object"),
        ("} and {", "no JSON object"),
        ('["reason"]', "no JSON object"),
        ('{"reason": "cut', "no JSON object"),
        ('{"reason": }', "not JSON: Expecting value in line 1, column 12"),
        (f"{json.dumps(GOOD)}\n{json.dumps(GOOD)}", "more than one JSON object, or braces outside of it"),
        (f"The set {{1}}: {json.dumps(GOOD)}", "not JSON"),
        ('{"reason": "a", "reason": "b"}', "the key 'reason' comes twice"),
        ('{"scores": [{"value": 1, "value": 2}]}', "the key 'value' comes twice"),
        ('{"share": NaN}', "NaN is not a number that JSON has"),
        ('{"share": -Infinity}', "-Infinity is not a number"),
        ('{"share": 1e999}', "the number 1e999 is too large"),
        ('{"share": ' + "9" * 5_000 + "}", "has more than 15 digits"),
        (changed(more=1), r"at \$: Additional properties are not allowed"),
        ('{"reason": "a", "scores": []}', r"at \$: 'share' is a required property"),
        (changed(scores=[{"criterion": "x", "value": 9}]), r"at \$\.scores\[0\]\.value: 9 is greater than the maximum"),
        (changed(scores=[{"criterion": "x", "value": True}]), r"at \$\.scores\[0\]\.value: True is not of type"),
        (changed(scores=[{"criterion": "x", "value": "4"}]), r"at \$\.scores\[0\]\.value: '4' is not of type"),
        (changed(reason=None), r"at \$\.reason: None is not of type 'string'"),
    ],
)
def test_everything_else_is_a_problem_with_its_place(text: str, problem: str) -> None:
    with pytest.raises(ParseProblem, match=problem):
        parse_json(text, SCHEMA)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{"a":' * 39_000, "no JSON object"),
        ('{"a":' * 20_000 + "1" + "}" * 20_000, "nested more than 32 levels deep"),
        ('{"a":' + "[" * 90_000 + "]" * 90_000 + "}", "nested more than 32 levels deep"),
        ('{"a":' + "[" * 40 + "]" * 40 + "}", "nested more than 32 levels deep"),
        ("{" + "x" * 300_000 + "}", "the reply has 300002 characters; at most 200000 are read"),
        ("{" + ",".join(f'"k{k}":1' for k in range(15_000)) + ',"k14999":2}', "the key 'k14999' comes twice"),
        ("{" + '"' * 190_000 + "}", "not JSON"),
    ],
)
def test_a_hostile_reply_neither_hangs_nor_recurses(text: str, problem: str) -> None:
    with pytest.raises(ParseProblem, match=problem):
        parse_json(text, SCHEMA)


def test_a_complaint_never_quotes_the_whole_reply() -> None:
    with pytest.raises(ParseProblem) as caught:
        parse_json(changed(scores="x" * 100_000), SCHEMA)
    assert len(str(caught.value)) < 250


def test_half_characters_are_replaced() -> None:
    assert parse_json('{"reason": "a\\ud83db", "scores": [], "share": null}', SCHEMA)["reason"] == "a\ufffdb"
    assert parse_json('{"reason": "a\\ud83d\\ude00b", "scores": [], "share": null}', SCHEMA)["reason"] == "a😀b"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(
    st.text()
    | st.text(alphabet='{}[]":,0123456789eE.-\\ud \n`truefalsn')
    | json_values.map(json.dumps)
    | st.fixed_dictionaries(dict.fromkeys(GOOD, json_values)).map(json.dumps)
)
def test_nothing_but_the_documented_error_is_raised(text: str) -> None:
    try:
        found = parse_json(text, SCHEMA)
    except ParseProblem:
        return
    assert set(found) == set(GOOD)


plain = st.text(alphabet=st.characters(exclude_categories=("Cs",)))


@given(
    st.fixed_dictionaries(
        {
            "reason": plain,
            "scores": st.lists(st.fixed_dictionaries({"criterion": plain, "value": st.integers(1, 5)}), max_size=5),
            "share": st.none() | st.floats(allow_nan=False, allow_infinity=False),
        }
    ),
    st.text(alphabet="ab \n`."),
)
def test_what_follows_the_schema_comes_back_whole(value: dict[str, Any], around: str) -> None:
    found = parse_json(f"{around}{json.dumps(value)}{around}", SCHEMA)
    assert found == value
    assert found["share"] is None or math.isfinite(found["share"])


def test_the_form_in_words_names_every_field_and_bound() -> None:
    assert form_in_words(SCHEMA) == (
        "{\n"
        '  "reason": "<one sentence>",\n'
        '  "scores": [{\n'
        '    "criterion": "<text>",\n'
        '    "value": <whole number from 1 to 5>\n'
        "  }, ...],\n"
        '  "share": <part that is right, number> or null\n'
        "}"
    )


def test_the_form_in_words_of_a_choice_lists_it() -> None:
    schema = json_object({"verdict": {"type": "string", "enum": ["right", "wrong"]}, "sure": {"type": "boolean"}})
    assert form_in_words(schema) == '{\n  "verdict": "right" or "wrong",\n  "sure": true or false\n}'
