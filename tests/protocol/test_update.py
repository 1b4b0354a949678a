"""Updates read within bounds: what they say, and what is refused."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from pycrdt import Array, Doc, Map, Text, XmlElement, XmlFragment, XmlText

from crdt_calendar.errors import FrameTooLarge, HostileUpdate, MalformedFrame, ProtocolError
from crdt_calendar.limits import Limits
from crdt_calendar.protocol.content import (
    ANY,
    ARRAY,
    DELETED,
    EMBED,
    FORMAT,
    GC,
    MAP,
    SKIP,
    STRING,
    TEXT,
    TYPE,
    XML_ELEMENT,
)
from crdt_calendar.protocol.lib0 import Writer, encode_uint
from crdt_calendar.protocol.update import (
    Delete,
    Inspection,
    Struct,
    inspect,
    read_deletes,
    read_section,
    read_structs,
    read_type,
    rewrite,
)
from tests.protocol.structs import (
    deleted,
    embed,
    format_,
    gc,
    item,
    shared,
    skip,
    text,
    update,
    values,
)

LIMITS = Limits()
DEEP = 30_000


def read(data: bytes, limits: Limits = LIMITS) -> list[Struct]:
    """The structs of the first section."""
    section = read_section(data, 1)
    return [struct for struct in read_structs(data, section, limits) if struct]


def nested_value(depth: int) -> bytes:
    """A list in a list in a list ..."""
    return b"\x75\x01" * depth + b"\x7e"


# What an update says


def test_every_content_has_its_length() -> None:
    data = update(
        (
            7,
            3,
            [
                gc(9),
                item(deleted(4)),
                item((3, b"\x02ab")),
                item(text("회의😀")),
                item(embed('{"a":[1]}')),
                item(format_("bold", "true")),
                item(shared(XML_ELEMENT, "p")),
                item(values(1, "two", [3])),
                skip(5),
            ],
        )
    )
    structs = read(data)
    assert [struct.kind for struct in structs] == [
        GC,
        DELETED,
        3,
        STRING,
        EMBED,
        FORMAT,
        TYPE,
        ANY,
        SKIP,
    ]
    assert [struct.length for struct in structs] == [9, 4, 1, 4, 1, 1, 1, 3, 5]
    assert [struct.clock for struct in structs] == [3, 12, 16, 17, 21, 22, 23, 24, 27]
    assert structs[0].start == 4
    assert all(a.end == b.start for a, b in zip(structs, structs[1:], strict=False))
    assert structs[-1].end == len(data) - 1


def test_places_and_origins() -> None:
    data = update(
        (
            1 << 40,
            0,
            [
                item(shared(MAP), "events", "일정"),
                item(values(1), (1 << 40, 0), "title"),
                item(text("a"), left=(1 << 40, 5)),
                item(text("a"), right=(2, 7)),
                item(text("a"), left=(3, 1), right=(1 << 40, 300)),
            ],
        )
    )
    found = [(s.left, s.right, s.parent, s.key) for s in read(data)]
    assert found == [
        (None, None, "events", "일정"),
        (None, None, (1 << 40, 0), "title"),
        ((1 << 40, 5), None, None, None),
        (None, (2, 7), None, None),
        ((3, 1), (1 << 40, 300), None, None),
    ]


def test_only_text_with_surrogate_pairs_is_decoded_for_the_reader() -> None:
    data = update((1, 0, [item(text("ascii")), item(text("회의")), item(text("a😀"))]))
    assert [struct.text for struct in read(data)] == ["", "", "a😀"]


def test_a_type_and_its_number() -> None:
    data = update(
        (
            1,
            0,
            [item(shared(ARRAY)), item(shared(XML_ELEMENT, "p")), item(shared(TEXT), left=(1, 0))],
        )
    )
    assert [read_type(data, struct) for struct in read(data)] == [ARRAY, XML_ELEMENT, TEXT]


def test_inspection_of_what_pycrdt_writes() -> None:
    doc: Doc[Any] = Doc(client_id=5)
    events = doc.get("events", type=Map)
    events["x"] = Map({"title": "회의 😀", "tags": Array([1, [2]]), "notes": Text("abc")})
    events["x"]["title"] = "new"
    xml = doc.get("xml", type=XmlFragment)
    xml.children.append(XmlElement("p", {"class": "c"}, [XmlText("hi")]))
    data = doc.get_update()
    inspection = inspect(data, LIMITS)
    assert inspection.authors == {5: (0, 15)}
    assert ("events", "x") in inspection.keys
    assert inspection.type_depth == 2
    assert inspection.size_bytes == len(data)
    assert inspection.deletes


def test_inspection_by_hand() -> None:
    data = update(
        (9, 4, [skip(2), item(text("ab"))]),
        (3, 0, [item(shared(MAP), "root", "k"), item(shared(MAP), (3, 0), "j"), skip(1)]),
        deletes={3: [(0, 1), (1, 2)], 8: [(7, 1)]},
    )
    assert inspect(data, LIMITS) == Inspection(
        authors={9: (4, 8), 3: (0, 2)},
        keys=[("root", "k"), ((3, 0), "j")],
        structs=5,
        deletes=[Delete(3, 0, 1), Delete(3, 1, 3), Delete(8, 7, 8)],
        type_depth=2,
        size_bytes=len(data),
    )


def test_an_inspection_of_nothing() -> None:
    assert inspect(b"\0\0", LIMITS) == Inspection({}, [], 0, [], 0, 2)


# Rewriting


@pytest.mark.parametrize(
    ("struct", "offset", "expected"),
    [
        (gc(9), 4, gc(5)),
        (skip(9), 4, skip(5)),
        (item(deleted(9)), 4, item(deleted(5), left=(1, 3))),
        (item(text("hello")), 4, item(text("o"), left=(1, 3))),
        (item(text("a😀회의")), 3, item(text("회의"), left=(1, 2))),
        (
            item(values(1, [2], 3, {"a": 4}), right=(5, 6)),
            2,
            item(values(3, {"a": 4}), left=(1, 1), right=(5, 6)),
        ),
    ],
)
def test_a_struct_without_its_beginning(struct: bytes, offset: int, expected: bytes) -> None:
    data = update((1, 0, [struct]))
    found = read(data)[0]
    assert rewrite(data, found, (1, offset - 1), found.right, offset) == expected


def test_a_text_is_not_cut_through_a_pair() -> None:
    data = update((1, 0, [item(text("a😀"))]))
    with pytest.raises(HostileUpdate, match="surrogate pair"):
        rewrite(data, read(data)[0], (1, 1), None, 2)


def test_other_origins() -> None:
    data = update((1, 0, [item(text("x"), left=(5, 1), right=(6, 2))]))
    assert rewrite(data, read(data)[0], (5, 2), (1 << 50, 9), 0) == item(
        text("x"), left=(5, 2), right=(1 << 50, 9)
    )


# Refusals


def refused(data: bytes, error: type[ProtocolError], match: str) -> None:
    """Whatever it is, it is refused at once."""
    began = time.process_time()
    with pytest.raises(error, match=match):
        inspect(data, LIMITS)
    assert time.process_time() - began < 0.1  # 10 ms, on a machine that others use too


@pytest.mark.parametrize("size", range(1, 30))
def test_truncation(size: int) -> None:
    whole = update(
        (1 << 40, 300, [item(values("x", 1), "root", "k"), item(embed("{}"), left=(1, 2))]),
        deletes={4: [(1, 2)]},
    )
    refused(whole[:-size], ProtocolError, "ends at byte|bytes follow")


def test_truncation_of_a_section_head() -> None:
    refused(b"\x01\x01\x80\x80\x80\x80", MalformedFrame, "ends at byte")


def test_truncation_of_deletions() -> None:
    refused(b"\0\x01\x05\x01\xff\xff", MalformedFrame, "ends at byte")


def test_deletions_of_too_many_clients() -> None:
    refused(b"\0" + encode_uint(1 << 21) + bytes(1 << 22), FrameTooLarge, "2097152 clients")


def test_trailing_bytes() -> None:
    refused(update((1, 0, [item(text("a"))])) + b"\0", MalformedFrame, "after the end")


def test_eighty_kilobytes_of_ones() -> None:
    refused(b"\xff" * 80_000, MalformedFrame, "exceeds 8 bytes")


def test_numbers_beyond_53_bits() -> None:
    refused(b"\x01\x01" + b"\xff" * 7 + b"\x7f\0" + item(text("a")), MalformedFrame, "53 bits")


@pytest.mark.parametrize(
    "data",
    [
        encode_uint(100_000_000),
        encode_uint(3) + bytes(10),
        b"\x01" + encode_uint(1 << 30) + b"\x01\0" + item(text("a")) + b"\0",
        b"\0" + encode_uint(100_000_000),
        b"\0\x01\x05" + encode_uint(1 << 40) + b"\x01\x01",
        update((1, 0, [item((ANY, encode_uint(1 << 50) + b"\x7e"))])),
        update((1, 0, [item((ANY, b"\x01\x75" + encode_uint(1 << 31) + b"\x7e"))])),
        update((1, 0, [item((ANY, b"\x01\x76" + encode_uint(1 << 31) + b"\x01a\x7e"))])),
    ],
)
def test_false_counts(data: bytes) -> None:
    refused(data, HostileUpdate, "items declared where only")


def test_a_section_of_nothing() -> None:
    # yrs 0.28 unwraps None there, when it knows the client.
    refused(update((1, 0, [])) + bytes(4), HostileUpdate, "without structs")


def test_a_client_twice() -> None:
    one = (1, 0, [item(text("a"))])
    refused(update(one, one), HostileUpdate, "two sections")


def test_deletes_of_a_client_twice() -> None:
    refused(b"\0\x02" + b"\x01\x01\0\x01" * 2, HostileUpdate, "two lists")


@pytest.mark.parametrize("ranges", [[(5, 1), (2, 1)], [(0, 4), (3, 1)], [(0, 0)]])
def test_deletes_out_of_order(ranges: list[tuple[int, int]]) -> None:
    refused(update(deletes={1: ranges}), HostileUpdate, "out of order or empty")


@pytest.mark.parametrize("struct", [gc(0), skip(0), item(deleted(0)), item(values())])
def test_structs_of_no_length(struct: bytes) -> None:
    refused(update((1, 0, [struct])), HostileUpdate, "length 0")


def test_a_text_of_no_length_is_there_but_nothing() -> None:
    assert read(update((1, 3, [item(text("")), item(text("a"))])))[1].clock == 3


@pytest.mark.parametrize("struct", [gc(1 << 31), skip(1 << 31), item(deleted((1 << 24) + 1))])
def test_giants(struct: bytes) -> None:
    refused(update((1, 0, [struct])), HostileUpdate, "one struct collects")


def test_clocks_beyond_what_yrs_counts() -> None:
    refused(update((1, (1 << 31) - 1, [item(text("ab"))])), HostileUpdate, "length 2 at clock")
    refused(update((1, 1 << 31, [item(text("a"))])), HostileUpdate, "length 1 at clock")
    assert read(update((1, (1 << 31) - 2, [item(text("ab"))])))


def test_values_nested_deep() -> None:
    deep = item((ANY, b"\x01" + nested_value(DEEP)), "root", "k")
    assert len(deep) > 60_000
    refused(update((1, 0, [deep])), HostileUpdate, "nested deeper than 64")


def test_objects_nested_deep() -> None:
    deep = item((ANY, b"\x01" + b"\x76\x01\x01a" * DEEP + b"\x7e"))
    refused(update((1, 0, [deep])), HostileUpdate, "nested deeper than 64")


def test_the_deepest_value_there_may_be() -> None:
    assert read(update((1, 0, [item((ANY, b"\x01" + nested_value(64)))])))
    refused(
        update((1, 0, [item((ANY, b"\x01" + nested_value(65)))])), HostileUpdate, "nested deeper"
    )


@pytest.mark.parametrize("content", [embed, lambda json: format_("bold", json)])
def test_json_nested_deep(content: Callable[[str], tuple[int, bytes]]) -> None:
    refused(update((1, 0, [item(content("[" * DEEP + "]" * DEEP))])), HostileUpdate, "JSON nested")
    refused(update((1, 0, [item(content('{"a":' * DEEP))])), HostileUpdate, "JSON nested")


def test_brackets_in_json_strings_are_text() -> None:
    harmless = '["' + "[" * DEEP + '\\"{", "\\\\", {}]'
    assert read(update((1, 0, [item(embed(harmless))])))
    refused(update((1, 0, [item(embed(harmless + "[" * 65))])), HostileUpdate, "JSON nested deeper")


def test_flat_json_may_have_many_brackets() -> None:
    assert read(update((1, 0, [item(embed("[" + "{}," * 1000 + "{}]"))])))


def test_json_too_long_to_be_looked_at() -> None:
    refused(update((1, 0, [item(embed("[]" * (1 << 20)))])), FrameTooLarge, "and many levels")
    assert read(update((1, 0, [item(embed('"' + "x" * (1 << 21) + '"'))])))


@pytest.mark.parametrize("kind", [2, 9, 11, 12, 15, 20, 31])
def test_contents_that_clients_do_not_agree_on(kind: int) -> None:
    refused(update((1, 0, [item((kind, b"\x01\x01\x31"))])), HostileUpdate, "all clients know")


@pytest.mark.parametrize("info", [0x80, 0x40, 0x20, 0x8A, 0x2A, 0x10])
def test_collected_structs_have_no_flags(info: int) -> None:
    with pytest.raises(ProtocolError):
        read(update((1, 0, [bytes((info,)) + bytes(9)])))


@pytest.mark.parametrize("type_", [5, 7, 8, 9, 15, 200])
def test_types_that_clients_do_not_agree_on(type_: int) -> None:
    data = update((1, 0, [item((TYPE, bytes((type_,)) + b"\0\0\0\0"))]))
    refused(data, HostileUpdate, f"shared type {type_}")


def test_a_parent_is_a_name_or_an_id() -> None:
    refused(update((1, 0, [b"\x04\x02\x01a\x01b"])), MalformedFrame, "by 0 or 1, not 2")


def test_a_value_of_unknown_type() -> None:
    refused(update((1, 0, [item((ANY, b"\x01\x10"))])), MalformedFrame, "no plain value has type")


def test_an_endless_integer() -> None:
    data = update((1, 0, [item((ANY, b"\x01\x7d" + b"\xff" * 20))]))
    refused(data, MalformedFrame, "exceeds 10 bytes")


def test_integers_of_64_bits_pass() -> None:
    assert read(update((1, 0, [item((ANY, b"\x01\x7d" + b"\xff" * 9 + b"\x01"))])))


@pytest.mark.parametrize(
    "struct",
    [
        item((STRING, b"\x02\xff\xfe")),
        item((EMBED, b"\x02\xff\xfe")),
        item((ANY, b"\x01\x77\x02\xff\xfe")),
        item((ANY, b"\x01\x76\x01\x02\xff\xfe\x7e")),
        b"\x24\x01\x01r\x02\xff\xfe\x01a",
    ],
)
def test_strings_are_utf8(struct: bytes) -> None:
    refused(update((1, 0, [struct])), MalformedFrame, "not UTF-8")


@pytest.mark.parametrize(
    "struct",
    [
        item(text("a"), "x" * 5000),
        item(values(1), "root", "x" * 5000),
        item(shared(XML_ELEMENT, "x" * 5000)),
        item(format_("x" * 5000, "true")),
    ],
)
def test_long_names(struct: bytes) -> None:
    refused(update((1, 0, [struct])), FrameTooLarge, "a name of 5000 bytes")


def test_a_size_beyond_the_end() -> None:
    tail = item((STRING, encode_uint(1 << 50) + b"a"))
    refused(update((1, 0, [tail])), MalformedFrame, "ends at byte")
    refused(update((1, 0, [item((3, encode_uint(1 << 50)))])), MalformedFrame, "ends at byte")


# Long ones


def test_a_long_value_is_passed_over_in_strides() -> None:
    writer = Writer()
    writer.write_any([None, True, 1.5, "x", b"y", {"a": 7}] * 2000)
    data = update((1, 0, [item((ANY, b"\x01" + writer.take()))]))
    found = list(read_structs(data, read_section(data, 1), LIMITS))
    assert found.count(None) > 10
    assert found[-1] is not None and found[-1].end == len(data) - 1
    assert inspect(data, LIMITS).structs == 1


def test_long_lists_of_deletes_are_passed_over_in_strides() -> None:
    data = update(deletes={1: [(2 * clock, 1) for clock in range(5000)]})
    assert len(inspect(data, LIMITS).deletes) == 5000
    data = update(deletes={client: [(1, 1)] for client in range(5000)})
    assert list(read_deletes(data, 1)).count(None) == 4
