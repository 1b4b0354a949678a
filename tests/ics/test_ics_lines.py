"""Content lines: unfolding, parameters, escapes, folding, encodings."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crdt_calendar.errors import InvalidValue
from crdt_calendar.ics.lines import (
    FOLD_BYTES,
    LONGEST_LENIENT,
    decode,
    escape,
    fold,
    parse,
    render,
    unescape,
    unfold,
)

texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"])).map(
    lambda text: text.replace("\r", "")
)


def test_lines_are_numbered_by_where_they_begin() -> None:
    text = "A:1\r\nB:long\r\n er\r\n\tstill\r\nC:3\r\n"
    assert list(unfold(text)) == [(1, "A:1"), (2, "B:longerstill"), (5, "C:3")]


def test_blank_lines_do_not_end_a_fold() -> None:
    """Files that went through a wrong conversion of line endings have one between all lines."""
    assert list(unfold("VERSION\n\n :2.0\n\nA:1\n")) == [(1, "VERSION:2.0"), (5, "A:1")]


def test_line_endings_may_be_of_any_system() -> None:
    for ending in ("\r\n", "\n", "\r"):
        assert [line for _, line in unfold(f"A:1{ending} 2{ending}B:3")] == ["A:12", "B:3"]


def test_unicode_line_separators_end_no_line() -> None:
    text = "SUMMARY:a\u2028b\x85c\x0bd"
    assert [line for _, line in unfold(text)] == [text]


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ("SUMMARY:회의".encode(), "SUMMARY:회의"),
        (b"\xef\xbb\xbfSUMMARY:\xc3\xbc", "SUMMARY:ü"),
        ("SUMMARY:für 5 €".encode("cp1252"), "SUMMARY:für 5 €"),
        (b"SUMMARY:f\xfcr \x81", "SUMMARY:für \x81"),
        ("SUMMARY:회의".encode("utf-16"), "SUMMARY:회의"),
    ],
)
def test_files_are_decoded_whatever_wrote_them(data: bytes, text: str) -> None:
    assert decode(data) == text


def test_a_line_has_name_parameters_and_value() -> None:
    line = parse(7, 'attendee;CN="Lovelace, Ada";role=CHAIR;MEMBER="mailto:a@x","mailto:b@x":m:b')
    assert (line.number, line.name, line.value) == (7, "ATTENDEE", "m:b")
    assert line.params == {
        "CN": "Lovelace, Ada",
        "ROLE": "CHAIR",
        "MEMBER": ["mailto:a@x", "mailto:b@x"],
    }
    assert (line.param("MEMBER"), line.param("CN"), line.param("X")) == (
        "mailto:a@x",
        "Lovelace, Ada",
        "",
    )


def test_a_backslash_in_a_parameter_means_nothing() -> None:
    assert parse(1, r"A;X=C\dir:1").param("X") == r"C\dir"
    assert parse(1, r'A;X="a\;b":1').param("X") == r"a\;b"


def test_carets_in_parameters_stand_for_what_cannot_be_written() -> None:
    """RFC 6868."""
    assert parse(1, "A;X=a^nb^'c^^d^e:1").param("X") == 'a\nb"c^d^e'


def test_what_is_outside_the_grammar_is_read_as_the_library_reads_it() -> None:
    line = parse(1, "DTSTART ; TZID = Europe/Berlin:20260301T090000")
    assert (line.name, line.param("TZID")) == ("DTSTART", "Europe/Berlin")


@pytest.mark.parametrize(
    "text",
    ["", ":value", "no colon", "ORGANIZER;CN=Sixt SE", "A;=:1", "<html>:", "A;X=" + "b," * 40_000],
)
def test_what_is_no_line_is_refused(text: str) -> None:
    with pytest.raises(InvalidValue):
        parse(1, text)


def test_leniency_has_an_end() -> None:
    parse(1, "A ;X=1:" + "x" * 100)
    with pytest.raises(InvalidValue, match="very long"):
        parse(1, "A ;X=1:" + "x" * LONGEST_LENIENT)


def test_control_characters_are_left_out() -> None:
    assert parse(1, "SUMMARY:a\x00b\x07c\rd\te").value == "abcd\te"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (r"a\nb\Nc", "a\nb\nc"),
        (r"a\\nb", r"a\nb"),
        (r"C:\\New\\n", r"C:\New" + "\\n"),
        (r"a\,b\;c\:d\"e", 'a,b;c:d"e'),
        ("a\\", "a\\"),
        (r"a\xb", r"a\xb"),
    ],
)
def test_text_is_unescaped_in_one_pass(value: str, text: str) -> None:
    assert unescape(value) == text


@given(texts)
def test_escaped_text_comes_back(text: str) -> None:
    assert unescape(escape(text)) == text


def test_line_breaks_of_all_systems_are_one() -> None:
    assert unescape(escape("a\r\nb\rc\nd")) == "a\nb\nc\nd"


@given(texts, st.integers(0, 200))
def test_folded_lines_are_short_whole_characters_and_come_back(text: str, padding: int) -> None:
    line = "SUMMARY:" + "x" * padding + text.replace("\n", "")
    folded = fold(line)
    assert folded.endswith(b"\r\n")
    pieces = folded.removesuffix(b"\r\n").split(b"\r\n")
    for piece in pieces:
        piece.decode()
        assert len(piece) <= FOLD_BYTES
    assert [unfolded for _, unfolded in unfold(folded.decode())] == [line]


def test_korean_is_folded_between_characters() -> None:
    pieces = fold("SUMMARY:" + "가" * 60).decode().splitlines()
    assert [len(piece.encode()) for piece in pieces] == [74, 73, 43]


@given(
    st.dictionaries(st.sampled_from(["CN", "X-A", "X-B"]), texts | st.lists(texts, min_size=2)),
    texts,
)
def test_parameters_come_back(params: dict[str, str | list[str]], text: str) -> None:
    folded = render("ATTENDEE", escape(text), params)
    ((_, line),) = unfold(folded.decode())
    parsed = parse(1, line)
    assert (dict(parsed.params), parsed.text) == (params, text)


def test_a_value_never_leaves_its_line() -> None:
    """Colours, addresses and kept values come from whoever writes to the document."""
    line = render("COLOR", "red\r\nBEGIN:VEVENT", {"X": "a\r\nEND:VCALENDAR\x00"})
    assert line.count(b"\r\n") == 1
    assert line == b'COLOR;X="a^nEND:VCALENDAR":red BEGIN:VEVENT\r\n'
