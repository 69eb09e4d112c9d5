"""Structured answers: strict JSON against a schema, and the same schema in words for templates."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping
from typing import Any, NoReturn

from teachers.annotators.asking import ParseProblem, without_lone_surrogates

__all__ = ["form_in_words", "json_object", "parse_json"]

MOST_CHARACTERS = 200_000
MOST_LEVELS = 32
MOST_DIGITS = 15
"""Whole numbers up to so many digits survive a trip through a float."""
SHOWN = 160
"""How much of a complaint goes into a problem: it may quote the whole reply."""


def json_object(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Return the strict schema of an object: every property is required and no other is allowed.

    >>> json_object({"score": {"type": "integer"}})["required"]
    ['score']
    """
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }


def parse_json(text: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    """Read the one JSON object in a text and check it against a schema.

    Text around the object (a fence, a sentence) may hold no braces: it reaches from the first brace to the last. No key
    may come twice, and NaN, infinities and numbers beyond a float are refused. Half characters become U+FFFD.

    >>> parse_json('Here: {"score": 3}', json_object({"score": {"type": "integer"}}))
    {'score': 3}

    Raises:
        ParseProblem: There is no such object; the text says where in it, as a JSON path. Nothing else is ever raised.
    """
    if len(text) > MOST_CHARACTERS:
        raise ParseProblem(f"the reply has {len(text)} characters; at most {MOST_CHARACTERS} are read")
    start, end = text.find("{"), text.rfind("}") + 1
    if start < 0 or end <= start:
        raise ParseProblem("no JSON object")
    return checked(tidied(loaded(text[start:end])), schema)


def loaded(text: str) -> Any:
    """Load JSON strictly."""
    try:
        return json.loads(
            text,
            object_pairs_hook=distinct,
            parse_constant=not_a_number,
            parse_float=finite,
            parse_int=whole,
        )
    except json.JSONDecodeError as error:
        if error.msg == "Extra data":
            raise ParseProblem("more than one JSON object, or braces outside of it") from None
        raise ParseProblem(f"not JSON: {error.msg} in line {error.lineno}, column {error.colno}") from None
    except RecursionError:
        raise ParseProblem(f"the JSON is nested more than {MOST_LEVELS} levels deep") from None


def distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Build an object whose keys all differ."""
    found = dict(pairs)
    if len(found) < len(pairs):
        times = Counter(key for key, _ in pairs)
        ((twice, _),) = times.most_common(1)
        raise ParseProblem(f"the key {twice[:SHOWN]!r} comes twice in one object")
    return found


def not_a_number(name: str) -> NoReturn:
    """Refuse NaN and the infinities, which Python reads and JSON does not have."""
    raise ParseProblem(f"{name} is not a number that JSON has")


def finite(digits: str) -> float:
    """Read a number that a float can hold."""
    value = float(digits)
    if not math.isfinite(value):
        raise ParseProblem(f"the number {digits[:SHOWN]} is too large")
    return value


def whole(digits: str) -> int:
    """Read a whole number of bounded length."""
    if len(digits) > MOST_DIGITS:
        raise ParseProblem(f"the number {digits[:SHOWN]} has more than {MOST_DIGITS} digits")
    return int(digits)


def tidied(value: Any, level: int = 0) -> Any:
    """Replace half characters, which JSON can escape and no table can store, and bound the depth."""
    if level > MOST_LEVELS:
        raise ParseProblem(f"the JSON is nested more than {MOST_LEVELS} levels deep")
    if isinstance(value, str):
        return without_lone_surrogates(value)
    if isinstance(value, list):
        return [tidied(item, level + 1) for item in value]
    if isinstance(value, dict):
        return {without_lone_surrogates(key): tidied(item, level + 1) for key, item in value.items()}
    return value


def checked(value: Any, schema: Mapping[str, Any]) -> dict[str, Any]:
    """Check a value against a schema."""
    from jsonschema import Draft202012Validator

    error = next(Draft202012Validator(schema).iter_errors(value), None)
    if error is not None:
        raise ParseProblem(f"at {error.json_path}: {shortened(error.message)}")
    found: dict[str, Any] = value
    return found


def shortened(complaint: str) -> str:
    """Leave the middle out of a long complaint, which quotes the value first and says at the end what is wrong."""
    return complaint if len(complaint) <= SHOWN else f"{complaint[: SHOWN // 2]}...{complaint[-SHOWN // 2 :]}"


def form_in_words(schema: Mapping[str, Any], indent: int = 0) -> str:
    """Write the form that a schema asks for, with its descriptions in angle brackets, for a template's `form`.

    >>> print(form_in_words(json_object({"score": {"type": "integer", "minimum": 1, "maximum": 5}})))
    {
      "score": <whole number from 1 to 5>
    }
    """
    if "enum" in schema:
        return " or ".join(json.dumps(choice, ensure_ascii=False) for choice in schema["enum"])
    kind = schema["type"]
    if isinstance(kind, list):
        return " or ".join(form_in_words({**schema, "type": one}, indent) for one in kind)
    if kind == "object":
        space = "  " * (indent + 1)
        lines = [f'{space}"{name}": {form_in_words(of, indent + 1)}' for name, of in schema["properties"].items()]
        return "{\n" + ",\n".join(lines) + "\n" + "  " * indent + "}"
    if kind == "array":
        return f"[{form_in_words(schema['items'], indent)}, ...]"
    if kind == "string":
        return f'"<{schema.get("description", "text")}>"'
    return {"boolean": "true or false", "null": "null"}.get(kind) or number_in_words(schema)


def number_in_words(schema: Mapping[str, Any]) -> str:
    """Write what a number may be."""
    words = [schema["description"]] if "description" in schema else []
    words.append("whole number" if schema["type"] == "integer" else "number")
    if "minimum" in schema and "maximum" in schema:
        words[-1] += f" from {schema['minimum']} to {schema['maximum']}"
    return f"<{', '.join(words)}>"
