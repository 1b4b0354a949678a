"""An operation: one method of one path. What it takes and gives is read from its handler.

A handler is a function of a `Call` and, as far as its parameters name them, of ``query`` and
``body``, which are structs; it returns a `Reply`. The same annotations decode the request, encode
the answer, and describe both in the OpenAPI document, so they cannot disagree.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import Any, NamedTuple, TypeAlias, get_args, get_type_hints
from urllib.parse import unquote

from starlette.requests import Request
from starlette.responses import Response

from crdt_calendar.errors import MalformedRequest, NotFound, WrongMethod
from server.auth.grants import Role

Handler: TypeAlias = Callable[..., Awaitable[Any]]
Endpoint: TypeAlias = Callable[[Request], Awaitable[Response]]
Endpoints: TypeAlias = Mapping[str, Endpoint]
"""What other gateways serve below this one's address, by the name of the operation."""

_PART = re.compile(r"\{(\w+)\}")


class May(Enum):
    """Who may call an operation."""

    ANYBODY = "anybody"
    KNOWN = "whoever has a token"
    VIEWER = "viewers"
    EDITOR = "editors"
    OWNER = "owners"

    @property
    def role(self) -> Role | None:
        """The role in the project that it needs."""
        return Role[self.name] if self.name in Role.__members__ else None


class Media(NamedTuple):
    """A body that is no JSON of ours: its media type, and what it is."""

    type: str
    schema: Mapping[str, object]


class Foreign(NamedTuple):
    """What another gateway serves: what it says of itself, and what goes in and out there."""

    name: str
    description: str
    tag: str
    takes: Media | None = None
    gives: Media | None = None
    query: Mapping[str, str] = {}


@dataclass(frozen=True)
class Operation:
    """One line of the table.

    ``status`` is that of success; ``refusals`` are further ones that this operation may end in.
    ``once``: an idempotency key is heeded; ``tagged``: If-Match is.
    """

    method: str
    path: str
    does: Handler | Foreign
    may: May
    status: int = 200
    refusals: tuple[int, ...] = ()
    once: bool = False
    tagged: bool = False

    @property
    def name(self) -> str:
        """What it is called in the OpenAPI document."""
        if isinstance(self.does, Foreign):
            return self.does.name
        first, *rest = self.does.__name__.split("_")
        return first + "".join(map(str.title, rest))

    @property
    def tag(self) -> str:
        """Which noun it is about."""
        if isinstance(self.does, Foreign):
            return self.does.tag
        return self.does.__module__.rpartition(".")[2]

    @property
    def description(self) -> str:
        """What it does, in words."""
        if isinstance(self.does, Foreign):
            return self.does.description
        return inspect.getdoc(self.does) or ""

    @property
    def parts(self) -> Sequence[str]:
        """The parts of the path that vary."""
        return _PART.findall(self.path)

    @cached_property
    def query(self) -> Any:
        """The struct of its query; None when it takes none."""
        return self._hints.get("query")

    @cached_property
    def body(self) -> Any:
        """The struct of its body; None when it takes none."""
        return self._hints.get("body")

    @cached_property
    def gives(self) -> Any:
        """The type of what it answers; None for nothing."""
        if isinstance(self.does, Foreign):
            return None
        (given,) = get_args(self._hints["return"])
        return None if given is type(None) else given

    @cached_property
    def _hints(self) -> Mapping[str, Any]:
        if isinstance(self.does, Foreign):
            return {}
        return get_type_hints(self.does, include_extras=True)

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """What a raw path has to match."""
        return re.compile(_PART.sub(r"(?P<\1>[^/]+)", self.path))


class Table:
    """All operations; finds the one for a request."""

    def __init__(self, operations: Sequence[Operation]) -> None:
        self.operations = tuple(operations)
        self._by_path: dict[re.Pattern[str], dict[str, Operation]] = {}
        for operation in self.operations:
            self._by_path.setdefault(operation.pattern, {})[operation.method] = operation

    def find(self, method: str, raw_path: str) -> tuple[Operation, dict[str, str]]:
        """The operation, and the parts of the path that vary, decoded.

        The path is as it was sent: a part may have a slash in it, percent-encoded. Raises
        `NotFound`, `WrongMethod` and `MalformedRequest`.
        """
        for pattern, operations in self._by_path.items():
            if (match := pattern.fullmatch(raw_path)) is not None:
                operation = operations.get("GET" if method == "HEAD" else method)
                if operation is None:
                    raise WrongMethod(f"{method} is not taken here; {self.allow(raw_path)} are")
                return operation, {name: _decoded(part) for name, part in match.groupdict().items()}
        raise NotFound("nothing is at this address; /docs shows what there is")

    def allow(self, raw_path: str) -> str:
        """The methods of a path, as the header Allow has them."""
        found = [ops for pattern, ops in self._by_path.items() if pattern.fullmatch(raw_path)]
        methods = {method for operations in found for method in operations}
        more = {"HEAD"} if "GET" in methods else set()
        return ", ".join(sorted(methods | more | ({"OPTIONS"} if methods else set())))


def _decoded(part: str) -> str:
    try:
        text = unquote(part, errors="strict")
    except UnicodeDecodeError:
        raise MalformedRequest("the address is not UTF-8") from None
    if "\x00" in text:
        raise MalformedRequest("the address has a NUL in it")
    return text
