from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from curricula import CodeComplexity
from curricula.signals.code_complexity import code_in
from lessons.errors import ConfigError

LOOP = "def f(x):\n    for k in range(x):\n        if k:\n            return k + 1\n    return 0\n"


def test_complexity_is_paths_and_halsteads_difficulty(written: Callable) -> None:
    """f has 3 paths; operators: + once, operands k and 1: difficulty (1/2)(2/2) = 0.5."""
    lessons = written(["q"] * 4, [LOOP, f"Here:\n```python\n{LOOP}```\nDone.", "no code, certainly (", None])
    by_kind = {kind: CodeComplexity("rationale", kind).measure(lessons).values for kind in ("cyclomatic", "halstead")}
    assert by_kind["cyclomatic"][:2].tolist() == [3, 3]
    assert by_kind["halstead"][:2].tolist() == [0.5, 0.5]
    overall = CodeComplexity("rationale").measure(lessons).values
    assert overall[:2].tolist() == [1.75, 1.75]
    assert np.isnan(overall[2:]).all()


def test_other_languages_have_paths_only(written: Callable) -> None:
    lessons = written(["q"] * 2, ["function f(a) { if (a) { return 1 } for (;;) {} return 0 }", "just words"])
    values = CodeComplexity("rationale", "cyclomatic", "javascript").measure(lessons).values
    assert values[0] == 3
    assert np.isnan(values[1])
    with pytest.raises(ConfigError, match=r"kind='overall' and language='javascript'; allowed are overall, cyclomatic"):
        CodeComplexity("rationale", language="javascript").measure(lessons)


def test_all_blocks_of_a_text_are_read() -> None:
    assert code_in("a\n```\nx = 1\n```\nb\n```py\ny = 2\n```") == "x = 1\n\ny = 2\n"
    assert code_in("x = 1") == "x = 1"
