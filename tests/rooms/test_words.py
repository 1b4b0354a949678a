"""Words: whatever is asked is answered, and never from before the last edit."""

from __future__ import annotations

import anyio
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from crdt_calendar.model.event import Event
from server.rooms.words import Words, fold, terms

TEXT = st.text(alphabet="회의실 abcXYZ\"*%_()-:^~+\\'\n\x00ßé가", max_size=12)


def found(events: dict[str, Event], *queries: str) -> list[set[str]]:
    async def ask() -> list[set[str]]:
        words = Words()
        return [await words.find(events, query) for query in queries]

    return anyio.run(ask)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(TEXT, min_size=1, max_size=5), TEXT)
@example(["회의실 예약"], "회의")
@example(['say "hi" to NEAR('], '"hi" NEAR( OR AND NOT *')
@example(["STRASSE"], "straße")
def test_a_search_finds_what_holds_every_term(titles: list[str], query: str) -> None:
    events = {str(n): Event(str(n), title=title) for n, title in enumerate(titles)}
    wanted = terms(query)
    expected = {
        id for id, event in events.items() if all(term in fold(event.title) for term in wanted)
    }
    assert found(events, query) == [expected]


def test_every_text_of_an_event_is_searched_on_its_own() -> None:
    events = {"1": Event("1", title="one two", location="three", description="four")}
    assert found(events, "two three", '"two three"', "four one") == [{"1"}, set(), {"1"}]


def test_decomposed_and_composed_text_is_the_same() -> None:
    events = {"1": Event("1", title="한글")}
    assert found(events, "한", "한글") == [{"1"}, {"1"}]


@pytest.mark.anyio
async def test_what_has_changed_or_gone_is_looked_at_anew() -> None:
    words = Words()
    assert await words.find({"1": Event("1", title="before")}, "before") == {"1"}
    events = {"1": Event("1", title="after"), "2": Event("2", title="before")}
    assert await words.find(events, "before") == {"2"}
    assert await words.find({"1": events["1"]}, "before") == set()
    assert await words.find(events, "after") == {"1"}


@pytest.mark.anyio
async def test_questions_at_once_have_each_its_own_answer() -> None:
    words, answers = Words(), dict[int, set[str]]()

    async def ask(number: int) -> None:
        events = {str(n): Event(str(n), title=f"n{n % 7}x") for n in range(number)}
        answers[number] = await words.find(events, "n3x")

    async with anyio.create_task_group() as tasks:
        for number in range(20):
            tasks.start_soon(ask, number)
    for number, found in answers.items():
        assert found == {str(n) for n in range(number) if n % 7 == 3}
