"""A line-up board as a document: its keys, its edits, and whatever others may have written."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycrdt import Array, Doc, Map, Text

from crdt_calendar.errors import InvalidValue, NoSuchLineup, NoSuchMemo
from crdt_calendar.model.changes import ChangeFeed, Created, Deleted, Restored, Updated
from crdt_calendar.model.details import Stamp
from crdt_calendar.model.lineup import ROOT, Lineup
from crdt_calendar.model.row import Memo, Row
from crdt_calendar.shapes.lineups import LineupFields, LineupShape, document_id, natural_id

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
STAMP = {"by": "ann", "at": "2026-01-02T03:04:05.000Z"}


@pytest.fixture
def doc() -> Doc[Map[object]]:
    return Doc()


def board_on(doc: Doc[Map[object]], user: str = "ann") -> Lineup:
    numbers = count(1)
    return Lineup(doc, clock=lambda: NOW, new_id=lambda: f"{user}-{next(numbers)}", user=user)


@pytest.fixture
def board(doc: Doc[Map[object]]) -> Lineup:
    return board_on(doc)


def held(doc: Doc[Map[object]]) -> Any:
    return doc.get(ROOT, type=Map).to_py()


def test_a_line_up_has_the_shape_of_the_contract(doc: Doc[Map[object]], board: Lineup) -> None:
    kim = board.create({"name": "Kim", "gbsNumber": 3, "grade": 2, "tags": ["a"]})
    memo = board.add_memo(kim, "late", "#ff0000")
    assert held(doc) == {
        kim: {
            "name": "Kim",
            "gbsNumber": 3,
            "grade": 2,
            "tags": ["a"],
            f"memo/{memo}": {"text": "late", "color": "#ff0000", **STAMP},
            "created": STAMP,
            "updated": STAMP,
            "sequence": 1,
        }
    }
    stamp = Stamp("ann", NOW)
    assert board.rows() == [
        Row(
            kim,
            "Kim",
            3,
            (Memo(memo, "late", "#ff0000", stamp),),
            {"grade": 2, "tags": ["a"]},
            1,
            stamp,
            stamp,
        )
    ]
    assert board.problems() == []


def test_a_write_that_changes_nothing_leaves_no_trace(doc: Doc[Map[object]], board: Lineup) -> None:
    kim = board.create({"name": "Kim", "gbsNumber": 3, "grade": 2})
    memo = board.add_memo(kim, "late")
    before = doc.get_update()
    assert board.set_number(kim, 3) == frozenset()
    assert board.patch(kim, {"name": "Kim", "grade": 2, "none": None}) == frozenset()
    assert board.set_memo(memo, "late") == kim
    board.restore(kim)
    assert doc.get_update() == before
    assert board.patch(kim, {"gbsNumber": 4, "grade": 2}) == {"gbsNumber"}
    assert board.patch(kim, {"grade": True}) == {"grade"}, "true is not 1"


def test_each_edit_is_one_transaction(doc: Doc[Map[object]], board: Lineup) -> None:
    emitted: list[object] = []
    subscription = doc.observe(lambda event: emitted.append(event))
    kim = board.create({"name": "Kim"})
    board.patch(kim, {"name": "Lee", "gbsNumber": 1, "grade": None})
    memo = board.add_memo(kim, "x")
    board.set_memo(memo, "y", "red")
    board.remove_memo(memo)
    board.delete(kim)
    board.restore(kim)
    assert len(emitted) == 7
    doc.unobserve(subscription)


def test_numbers_and_memos_are_taken_away_again(doc: Doc[Map[object]], board: Lineup) -> None:
    kim = board.create({"name": "Kim", "gbsNumber": 3})
    memo = board.add_memo(kim, "late")
    assert board.set_number(kim, None) == {"gbsNumber"}
    assert board.remove_memo(memo) == kim
    assert set(held(doc)[kim]) == {"name", "created", "updated", "sequence"}
    with pytest.raises(NoSuchMemo, match=f"no memo {memo}"):
        board.remove_memo(memo)
    with pytest.raises(NoSuchMemo):
        board.set_memo(memo, "x")
    with pytest.raises(NoSuchMemo):
        board.set_memo(memo, "x", lineup_id=kim)


def test_a_deleted_line_up_is_not_there_and_can_be_restored(board: Lineup) -> None:
    kim = board.create({"name": "Kim"})
    memo = board.add_memo(kim, "late")
    board.delete(kim)
    assert (kim in board, len(board), board.rows()) == (False, 0, [])
    for edit in (
        lambda: board.get(kim),
        lambda: board.set_number(kim, 1),
        lambda: board.add_memo(kim, "x"),
        lambda: board.delete(kim),
    ):
        with pytest.raises(NoSuchLineup, match=f"no line-up {kim}"):
            edit()
    with pytest.raises(NoSuchMemo):
        board.lineup_of(memo)
    with pytest.raises(InvalidValue, match="restore it first"):
        board.create(lineup_id=kim)
    assert [row.id for row in board.deleted()] == [kim]
    board.restore(kim)
    assert board.get(kim).memos[0].text == "late"
    with pytest.raises(NoSuchLineup):
        board.restore("nobody")


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"name": 7}, "name"),
        ({"gbsNumber": "3"}, "gbsNumber"),
        ({"gbsNumber": 1.5}, "gbsNumber"),
        ({"gbsNumber": -1}, "gbsNumber"),
        ({"gbsNumber": True}, "gbsNumber"),
        ({"gbsNumber": float("nan")}, "gbsNumber"),
        ({"memo/m": "text"}, "memo/m"),
        ({"memo/m": {"color": "red"}}, "memo/m.text"),
        ({"memo/": {"text": "x"}}, "memo/"),
        ({"grade": object()}, "grade"),
        ({"grade": "\ud800"}, "grade"),
        ({"sequence": 7}, "sequence"),
        ({"deleted": STAMP}, "deleted"),
        ({"x" * 2000: 1}, "x"),
    ],
)
def test_what_a_board_cannot_hold_is_refused_by_name(
    doc: Doc[Map[object]], board: Lineup, values: dict[str, object], field: str
) -> None:
    kim = board.create({"name": "Kim"})
    before = doc.get_update()
    for edit in (lambda: board.patch(kim, values), lambda: board.create(values)):
        with pytest.raises(InvalidValue, match=f"^{field}"):
            edit()
    assert doc.get_update() == before, "nothing half done"


def test_memos_say_something_and_have_an_id_of_their_own(board: Lineup) -> None:
    kim = board.create({"name": "Kim"})
    for text in ("", " \n"):
        with pytest.raises(InvalidValue, match="^memo: empty"):
            board.add_memo(kim, text)
    board.add_memo(kim, "x", memo_id="m")
    with pytest.raises(InvalidValue, match="^memoId: m is taken"):
        board.add_memo(kim, "y", memo_id="m")
    lee = board.create({"name": "Lee"})
    board.add_memo(lee, "of lee", memo_id="m")
    assert board.set_memo("m", "changed", lineup_id=lee) == lee
    assert [row.memos[0].text for row in board.rows()] == ["x", "changed"]
    assert board.lineup_of("m") == min(kim, lee)


def test_first_memos_by_both_survive_and_numbers_merge() -> None:
    one, other = Doc[Map[object]](), Doc[Map[object]]()
    ann, bob = board_on(one, "ann"), board_on(other, "bob")
    kim = ann.create({"name": "Kim"})
    other.apply_update(one.get_update())
    ann.add_memo(kim, "by ann")
    ann.set_number(kim, 1)
    bob.add_memo(kim, "by bob")
    bob.patch(kim, {"name": "Kim B"})
    one.apply_update(other.get_update())
    other.apply_update(one.get_update())
    assert held(one) == held(other)
    row = ann.get(kim)
    assert {memo.text for memo in row.memos} == {"by ann", "by bob"}
    assert (row.gbs_number, row.name) == (1, "Kim B")


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=6,
)
KEYS = st.sampled_from(
    ["name", "gbsNumber", "memo/m", "memo/", "created", "updated", "deleted", "sequence", "grade"]
)


@given(st.dictionaries(KEYS, PLAIN))
def test_whatever_is_at_a_key_of_a_line_up_nothing_raises(values: dict[str, object]) -> None:
    row = Row.read("x", values)
    shape = LineupShape.of(row).to_plain()
    assert shape["id"] == "x"
    assert {problem.key for problem in row.problems} <= values.keys()


def test_a_malformed_line_up_reads_as_absent_and_is_reported(
    doc: Doc[Map[object]], board: Lineup
) -> None:
    lineups = doc.get(ROOT, type=Map)
    lineups["stray"] = "text"
    lineups["kim"] = Map(
        {
            "name": Text("shared"),
            "gbsNumber": -3,
            "memo/a": "no memo",
            "memo/b": {"text": "fine", "by": 7},
            "deleted": "yes",
            "grade": Array([1]),
        }
    )
    row = board.get("kim")
    assert (row.name, row.gbs_number, row.deleted, row.others) == ("", None, None, {})
    assert row.memos == (Memo("b", "fine"),)
    problems = {(problem.event_id, problem.key) for problem in board.problems()}
    named = {("kim", key) for key in ("name", "gbsNumber", "memo/a", "deleted")}
    assert problems == named | {("stray", "")}
    board.set_memo("a", "over it", lineup_id="kim")
    assert [memo.text for memo in board.get("kim").memos] == ["fine", "over it"]
    other: Doc[Any] = Doc()
    other.get(ROOT, type=Array).append(1)
    assert board_on(other).rows() == []


def test_the_feed_tells_of_line_ups(doc: Doc[Map[object]], board: Lineup) -> None:
    with ChangeFeed(doc, ROOT, properties=None) as feed:
        kim = board.create({"name": "Kim"})
        assert feed.take() == [Created(kim)]
        memo = board.add_memo(kim, "late")
        board.set_number(kim, 3)
        assert feed.take() == [Updated(kim, frozenset({f"memo/{memo}", "gbsNumber"}))]
        board.delete(kim)
        assert feed.take() == [Deleted(kim)]
        board.restore(kim)
        assert feed.take() == [Restored(kim)]
        doc.get("calendar", type=Map)["name"] = "x"
        doc.get("events", type=Map)["e"] = Map({"title": "x"})
        assert feed.take() == []


@pytest.mark.parametrize(
    ("given", "stored", "said"),
    [(7, "7", 7), ("7", "7", 7), ("007", "007", "007"), ("kim", "kim", "kim"), (0, "0", 0)],
)
def test_an_id_is_said_as_its_board_counts(given: str | int, stored: str, said: str | int) -> None:
    assert document_id(given) == stored
    assert natural_id(stored) == said
    assert natural_id("9" * 20) == "9" * 20, "more than a number of JavaScript holds"
    wrongs: tuple[object, ...] = (None, True, -1, 1.5, "", [], {})
    for wrong in wrongs:
        with pytest.raises(InvalidValue, match="^lineupId: "):
            document_id(wrong)


def test_a_shape_keeps_our_names_and_shows_the_rest() -> None:
    row = Row("7", "Kim", None, (), {"grade": 3, "version": "theirs", "memos": 1, "id": 9})
    assert LineupShape.of(row).to_plain() == {
        "id": 7,
        "name": "Kim",
        "gbsNumber": None,
        "memos": [],
        "version": 0,
        "updatedAt": None,
        "updatedBy": None,
        "grade": 3,
    }
    fields = LineupFields(name="Kim", gbs_number=None, others={"grade": 3})
    assert fields.for_model() == {"name": "Kim", "gbsNumber": None, "grade": 3}
    for key in ("name", "id", "version", "memo/m"):
        with pytest.raises(InvalidValue, match=f"^others.{key}"):
            LineupFields(others={key: 1}).for_model()
