from __future__ import annotations

import inspect

import pytest

from lessons import errors

CLASSES = [value for _, value in inspect.getmembers(errors, inspect.isclass) if value.__module__ == errors.__name__]


@pytest.mark.parametrize("kind", CLASSES)
def test_one_tree_that_the_standard_library_knows(kind: type[Exception]) -> None:
    assert issubclass(kind, errors.TutelageError)
    if kind is not errors.TutelageError:
        assert any(
            base.__module__ == "builtins" for base in kind.__mro__ if base not in (Exception, BaseException, object)
        )
    assert str(kind("what to do next")) == "what to do next"
    assert kind.__name__ in errors.__all__
    assert inspect.getdoc(kind)


def test_every_class_is_public_and_sorted() -> None:
    assert sorted(kind.__name__ for kind in CLASSES) == errors.__all__
