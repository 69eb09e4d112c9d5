from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from jsonargparse import ArgumentParser

from teachers import OpenAIBackend, PoolBackend, PoolMember, ScriptedBackend, TeacherBackend
from teachers.calls.pricing import Price, Rate
from teachers.pool.pool_member import dearest, different_models, names

rates = st.builds(
    Rate, st.floats(0, 50), st.lists(st.floats(0, 90), max_size=2).map(lambda found: tuple(enumerate(found, start=100)))
)
prices = st.builds(Price, rates, rates, st.none() | rates, st.none() | rates)


@given(st.lists(prices, min_size=1, max_size=4), st.integers(0, 300), st.integers(0, 300))
def test_the_dearest_price_covers_every_member(found: list[Price], read: int, written: int) -> None:
    assert all(dearest(found).most(read, written) >= price.most(read, written) for price in found)
    assert dearest(found).cost(read, written) <= dearest(found).most(read, written) + 1e-12


def test_the_dearest_of_one_flat_price_is_that_price() -> None:
    assert dearest([Price.flat(1.0, 2.0)]) == Price.flat(1.0, 2.0)
    assert dearest([Price.flat(1.0, 2.0), Price.flat(3.0, 1.0)]) == Price.flat(3.0, 2.0)


def test_members_are_named_by_model_and_numbered_where_they_share_one() -> None:
    one, other = ScriptedBackend("a:a"), ScriptedBackend("b:b")
    assert names([PoolMember(one), PoolMember(other)]) == ["a:a", "b:b"]
    assert names([PoolMember(one), PoolMember(one), PoolMember(other, name="x")]) == ["a:a (1)", "a:a (2)", "x"]


def test_addresses_make_no_difference_between_models_but_settings_do() -> None:
    first = PoolMember(OpenAIBackend("m", "http://127.0.0.1:1/v1"))
    second = PoolMember(OpenAIBackend("m", "http://127.0.0.1:2/v1", "ANOTHER_KEY"))
    assert len(different_models([first, second])) == 1
    assert len(different_models([first, PoolMember(OpenAIBackend("m", reasoning_effort="low"))])) == 2
    assert different_models([first, PoolMember(ScriptedBackend("a:a"))]) == different_models(
        [PoolMember(ScriptedBackend("a:a")), second]
    )


def test_a_pool_is_written_in_settings() -> None:
    parser = ArgumentParser()
    parser.add_argument("--teacher", type=TeacherBackend)
    one = {"class_path": "teachers.OpenAIBackend", "init_args": {"model": "m", "api_key_variable": "FIRST"}}
    members = [{"teacher": one, "weight": 2.0}, {"teacher": one, "limits": {"in_flight": 8}}]
    given = {"class_path": "teachers.PoolBackend", "init_args": {"name": "both", "members": members}}
    pool = parser.instantiate(parser.parse_object({"teacher": given})).teacher
    assert isinstance(pool, PoolBackend)
    assert [(m.weight, m.limits and m.limits.in_flight) for m in pool.members] == [(2.0, None), (1.0, 8)]
