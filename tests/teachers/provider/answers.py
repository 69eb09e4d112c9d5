"""What the emulated model says: a pure function of the question and the number of the draw."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from hashlib import blake2b
from typing import Any

__all__ = ["Answer", "arithmetic", "broken_json", "follow_schema", "number_from"]

Answer = Callable[[str, int], str]
"""From (the last message of the user, the number of the draw) to the model's text."""

OPENINGS = ("", "Let me add. ", "Step by step: ", "First the units, then the tens. ")


def arithmetic(question: str, draw: int = 0) -> str:
    """Solve the first sum of a question; difficulty labels and verdicts where the question asks for them."""
    found = re.search(r"(\d+) ?\+ ?(\d+)", question)
    a, b = (int(found[1]), int(found[2])) if found else (0, 0)
    if "Difficulty: N" in question:
        return f"Just a sum.\nDifficulty: {min(10, len(str(a + b)))}"
    if "Verdict:" in question:
        return f"I checked it.\nVerdict: {'correct' if f'Answer: {a + b}' in question else 'incorrect'}"
    return f"{OPENINGS[draw % len(OPENINGS)]}{a} plus {b} makes {a + b}\nAnswer: {a + b}"


def follow_schema(schema: Mapping[str, Any], text: str) -> str:
    """Return JSON that follows a schema, made of a text: the text itself if it does already, else put into its fields.

    Numbers of the text go into the numbers, the text into the strings; the first choice of each enum is taken.
    """
    try:
        if isinstance(json.loads(text), dict):
            return text
    except ValueError:
        pass
    return json.dumps(instance(schema, text, schema), ensure_ascii=False)


def instance(schema: Mapping[str, Any], text: str, root: Mapping[str, Any]) -> Any:
    if "$ref" in schema:
        return instance(root["$defs"][schema["$ref"].rpartition("/")[2]], text, root)
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][0]
    if "anyOf" in schema:
        return instance(schema["anyOf"][0], text, root)
    kind = schema.get("type")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object":
        return {name: instance(part, text, root) for name, part in schema.get("properties", {}).items()}
    if kind == "array":
        return [instance(schema["items"], text, root)] * max(1, schema.get("minItems", 1))
    if kind in ("number", "integer"):
        last = re.findall(r"-?\d+", text)
        value = int(last[-1]) if last else 0
        return min(max(value, schema.get("minimum", value)), schema.get("maximum", value))
    return {"boolean": True, "null": None}.get(str(kind), text)


def broken_json(text: str) -> str:
    """Return a text that looks like the start of JSON and is none."""
    return '{"reasoning": "' + text.replace('"', "'")[: max(3, len(text) // 2)]


def number_from(*parts: object) -> float:
    """Return a number in [0, 1) that depends on nothing but its arguments."""
    digest = blake2b("\x1f".join(map(str, parts)).encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest) / 2**64
