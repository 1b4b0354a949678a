"""The loads that are measured, one a row of the table."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Row:
    """Who does how much, all in one room."""

    key: str
    clients: int
    writers: int = 0
    edits_per_second: float = 0.0  # of each writer
    moves_per_second: float = 0.0  # of each client
    reflecting: bool = False

    @property
    def title(self) -> str:
        """The load in words."""
        parts = [f"{self.clients} clients" if self.clients > 1 else "one client"]
        if self.moves_per_second:
            parts.append(f"{self.moves_per_second:g} cursor moves/s each")
        if self.writers:
            who = f"{self.writers} writers x " if self.writers > 1 else ""
            parts.append(f"{who}{self.edits_per_second:g} edits/s")
        return ", ".join(parts) + (", reflecting" if self.reflecting else "")

    @property
    def has_presence(self) -> bool:
        """Whether cursors move."""
        return self.moves_per_second > 0


_PLAIN = (
    Row("1", 100, writers=10, edits_per_second=10),
    Row("2", 100, writers=100, edits_per_second=10),
    Row("3", 100, writers=100, edits_per_second=2, moves_per_second=20),
    Row("4", 300, moves_per_second=10),
    Row("5", 1000, writers=100, edits_per_second=1, moves_per_second=1),
    Row("6", 50, moves_per_second=10),
)


def _with_reflection(row: Row) -> tuple[Row, ...]:
    # Without presence there is nothing to reflect: the row would be measured twice.
    return (row, replace(row, key=f"{row.key}r", reflecting=True)) if row.has_presence else (row,)


ROWS = {each.key: each for row in _PLAIN for each in _with_reflection(row)}


def choose(keys: str) -> list[Row]:
    """Rows by key, as in ``1,3r``; ``all`` for all. Raises `ValueError` naming those there are."""
    if keys == "all":
        return list(ROWS.values())
    wanted = keys.split(",")
    if unknown := [key for key in wanted if key not in ROWS]:
        raise ValueError(f"no row {', '.join(unknown)}; rows are {', '.join(ROWS)}")
    return [ROWS[key] for key in wanted]
