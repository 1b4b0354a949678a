"""What commands print, for a pipe and for a terminal."""

from __future__ import annotations

import os
import pty
import subprocess
import sys

import click
import pytest

from server.commands import output


def test_a_name_can_neither_move_the_cursor_nor_forge_a_line() -> None:
    assert output.printable("여행 \x1b[31m팀\r\x00") == "여행 \\x1b[31m팀\\r\\x00"
    assert output.printable("a\tb\nc") == "a\tb\nc"


def test_columns_line_up_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    output.table(["A", "LONG"], [["xyz", 1], ["\x1b[2J", 22]])
    assert capsys.readouterr().out == "A        LONG\nxyz      1\n\\x1b[2J  22\n"
    output.table(["A"], [])
    assert capsys.readouterr().out == "A\n"


def test_numbers_are_for_people() -> None:
    assert [output.size(n) for n in (0, 1023, 1024, 5 << 20)] == [
        "0 B",
        "1023 B",
        "1.0 KiB",
        "5.0 MiB",
    ]
    assert [output.count(n, "row") for n in (0, 1, 1234)] == ["0 rows", "1 row", "1,234 rows"]
    assert output.moment(None) == "-"
    assert output.moment(1_772_323_200_999) == "2026-03-01 00:00:00Z"


def test_problems_go_to_stderr_and_end_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    output.finish([])
    with pytest.raises(click.exceptions.Exit) as ended:
        output.finish(["one", "two"], 3)
    assert ended.value.exit_code == 3
    assert capsys.readouterr() == ("", "one\ntwo\n")


def test_progress_is_silent_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    with output.progress("work") as tell:
        tell(1, 2)
    assert capsys.readouterr() == ("", "")


TERMINAL = """
from server.commands import output
output.table(["NAME"], [["[red]no markup[/red]"]])
with output.progress("working") as tell:
    tell(1, 4)
"""


def test_a_terminal_gets_a_table_and_a_bar() -> None:
    ours, theirs = pty.openpty()
    program = [sys.executable, "-c", TERMINAL]
    child = subprocess.Popen(
        program, stdout=theirs, stderr=theirs, env=os.environ | {"TERM": "xterm"}
    )
    os.close(theirs)
    shown = b""
    try:
        while part := os.read(ours, 65536):
            shown += part
    except OSError:  # how a pseudo-terminal says that its other side is gone
        pass
    finally:
        os.close(ours)
    assert child.wait(30) == 0
    text = shown.decode()
    assert "[red]no markup[/red]" in text
    assert "─" in text
    assert "working" in text and "25%" in text
