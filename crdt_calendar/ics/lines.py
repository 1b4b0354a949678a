"""Content lines: the text layer of RFC 5545 section 3.1, read leniently and written strictly.

`icalendar` has a parser for this layer too; ours keeps line numbers, reads one component without
the rest of the file, and gives back exactly the text and the parameters that were written. What is
outside the grammar is handed to `icalendar`, which knows many programs' habits.
"""

from __future__ import annotations

import re
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from icalendar.parser import Contentline

from crdt_calendar.errors import InvalidValue

Parameters = Mapping[str, str | list[str]]

# "Lines of text SHOULD NOT be longer than 75 octets, excluding the line break." (section 3.1)
FOLD_BYTES = 75
# Reading outside of the grammar goes by characters, and lists of parameters become many strings;
# nobody's habits need this many.
LONGEST_LENIENT = 64 * 1024

_QUOTED_OR_PLAIN = r'(?:"[^"]*"|[^",;:]*)'
_PARAMETER = re.compile(rf";([\w.-]+)=({_QUOTED_OR_PLAIN}(?:,{_QUOTED_OR_PLAIN})*)")
_NAME = re.compile(r"[A-Za-z0-9._-]+")
_PARAMETER_VALUE = re.compile(_QUOTED_OR_PLAIN)
_ESCAPE = re.compile(r'\\([\\;,:"nN])')
_CARET = re.compile(r"\^([n^'])")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
# Quoted are also carets and backslashes, in which some readers see escapes.
_PLAIN_PARAMETER = re.compile(r"[^\",;:^\\\s\x00-\x1f\x7f]*")


@dataclass(frozen=True, slots=True)
class Line:
    """One unfolded content line; `number` is where it begins in the file, counted from 1.

    `name` and the parameters' names are upper case. `value` is as written, escapes and all.
    """

    number: int
    name: str
    params: Parameters
    value: str

    @property
    def text(self) -> str:
        """The value read as TEXT (section 3.3.11)."""
        return unescape(self.value)

    def param(self, name: str) -> str:
        """The parameter's value, the first if there are several, "" if there is none."""
        value = self.params.get(name, "")
        if isinstance(value, str):
            return value
        return value[0] if value else ""


def decode(data: bytes) -> str:
    """The text of a file: UTF-8, with or without a byte order mark, else Windows-1252 or Latin-1.

    Section 3.1.4 asks for UTF-8; older exports are in the code page of their machine.
    """
    if data.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        return data.decode("utf-16", errors="replace")
    for encoding in ("utf-8-sig", "cp1252"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    return data.decode("latin-1")


def unfold(text: str) -> Iterator[tuple[int, str]]:
    """Every content line with the number of its first line in the file.

    Blank lines are passed over, also within a fold: files that went through a wrong line-ending
    conversion have one between all lines.
    """
    ending = "\n" if "\n" in text else "\r"
    number, parts = 0, list[str]()
    for count, physical in enumerate(_physical_lines(text, ending), start=1):
        if not physical:
            continue
        if physical[0] in " \t" and parts:
            parts.append(physical[1:])
            continue
        if parts:
            yield number, "".join(parts)
        number, parts = count, [physical]
    if parts:
        yield number, "".join(parts)


def _physical_lines(text: str, ending: str) -> Iterator[str]:
    start = 0
    while (end := text.find(ending, start)) >= 0:
        yield text[start:end].rstrip("\r")
        start = end + 1
    yield text[start:].rstrip("\r")


def parse(number: int, text: str) -> Line:
    """A content line from its unfolded text, control characters left out.

    Raises `InvalidValue` when it is none.
    """
    if not text.isprintable():
        text = _CONTROL.sub("", text)
    name = _NAME.match(text)
    if not name:
        raise InvalidValue(f"not a property: {_shown(text)}")
    position, params = name.end(), dict[str, str | list[str]]()
    while match := _PARAMETER.match(text, position):
        params[match[1].upper()] = _parameter_values(match[2])
        position = match.end()
    if text[position : position + 1] == ":":
        return Line(number, name[0].upper(), params, text[position + 1 :])
    return _parse_leniently(number, text)


def _parse_leniently(number: int, text: str) -> Line:
    if ":" not in text:
        raise InvalidValue(f"a property without a value: {_shown(text)}")
    if len(text) > LONGEST_LENIENT:
        raise InvalidValue(f"a very long line that is not a property: {_shown(text)}")
    try:
        line = Contentline(text)  # type: ignore[no-untyped-call]  # the library leaves it bare
        name, params, value = line.raw_parts()
    except ValueError as error:
        raise InvalidValue(f"not a property: {_shown(text)}") from error
    return Line(number, name.upper(), {key.upper(): kept for key, kept in params.items()}, value)


def _shown(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:57] + "...")


def _parameter_values(text: str) -> str | list[str]:
    if "," not in text:
        return _read_parameter(text)
    if len(text) > LONGEST_LENIENT:
        raise InvalidValue(f"a very long list as a parameter: {_shown(text)}")
    values, position = list[str](), 0
    while match := _PARAMETER_VALUE.match(text, position):
        values.append(_read_parameter(match[0]))
        position = match.end() + 1
        if position > len(text):
            break
    return values[0] if len(values) == 1 else values


def _read_parameter(text: str) -> str:
    if text.startswith('"'):
        text = text[1:-1]
    if "^" not in text:
        return text
    # RFC 6868: "^n" is a line break, "^^" a caret, "^'" a double quote.
    return _CARET.sub(lambda match: {"n": "\n", "^": "^", "'": '"'}[match[1]], text)


def unescape(value: str) -> str:
    """TEXT as people wrote it (section 3.3.11), and `\\"` as some programs write a quote."""
    if "\\" not in value:
        return value
    return _ESCAPE.sub(lambda match: "\n" if match[1] in "nN" else match[1], value)


def escape(text: str) -> str:
    """Text as a TEXT value (section 3.3.11). Control characters, which it forbids, are left out."""
    text = text.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,")
    if text.isprintable():
        return text
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\\n")
    return _CONTROL.sub("", text)


def is_name(text: str) -> bool:
    """Whether this may be the name of a property or a parameter."""
    return _NAME.fullmatch(text) is not None


def render(name: str, value: str, params: Parameters | None = None) -> bytes:
    """A content line, folded, with its line break.

    `value` must be escaped by its type's rules; that it stays within its line is seen to here.
    """
    written = "".join(_write_parameter(*item) for item in params.items()) if params else ""
    if not value.isprintable():
        value = _CONTROL.sub("", value.replace("\n", " "))
    return fold(f"{name}{written}:{value}")


def _write_parameter(name: str, value: str | list[str]) -> str:
    values = [value] if isinstance(value, str) else value
    return f";{name}=" + ",".join(_quote(one) for one in values)


def _quote(value: str) -> str:
    if _PLAIN_PARAMETER.fullmatch(value):
        return value
    value = value.replace("^", "^^").replace('"', "^'").replace("\r\n", "\n").replace("\r", "\n")
    return '"' + _CONTROL.sub("", value.replace("\n", "^n")) + '"'


def fold(line: str) -> bytes:
    """UTF-8 in pieces of at most 75 octets, none of which ends within a character."""
    data = line.encode()
    if len(data) <= FOLD_BYTES:
        return data + b"\r\n"
    pieces, start, room = list[bytes](), 0, FOLD_BYTES
    while len(data) - start > room:
        end = start + room
        while data[end] & 0xC0 == 0x80:  # a continuation byte: the character began before it
            end -= 1
        pieces.append(data[start:end])
        start, room = end, FOLD_BYTES - 1  # the space that marks a fold counts
    pieces.append(data[start:])
    return b"\r\n ".join(pieces) + b"\r\n"
