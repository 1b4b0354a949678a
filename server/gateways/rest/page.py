"""``/docs``: the OpenAPI document as a page, without scripts and without any other file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path
from typing import Any

STYLE = Path(__file__).with_name("page.css")
NOUNS = {
    "freebusy": "free-busy",
    "files": "import and export",
    "feeds": "feed links",
    "about": "this description",
}


def render(described: Mapping[str, Any]) -> str:
    """The page of that document."""
    info = described["info"]
    groups = {tag["name"]: list(_of_tag(described, tag["name"])) for tag in described["tags"]}
    links = "".join(f'<a href="#{name}">{_noun(name)}</a>' for name in groups)
    sections = "".join(_section(name, items) for name, items in groups.items())
    schemas = "".join(
        _schema(name, schema) for name, schema in sorted(described["components"]["schemas"].items())
    )
    paragraphs = "".join(f"<p>{_prose(text)}</p>" for text in info["description"].split("\n\n"))
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(info['title'])} API</title><style>{STYLE.read_text()}</style></head><body>"
        f'<nav><h1><a href="/">{escape(info["title"])}</a></h1>{links}'
        '<a href="#schemas">shapes</a><a class="file" href="/api/v1/openapi.json">openapi.json</a>'
        f"</nav><main><header><h2>The REST API</h2>{paragraphs}</header>{sections}"
        f'<section id="schemas"><h2>Shapes</h2>{schemas}</section></main></body></html>'
    )


def _of_tag(described: Mapping[str, Any], tag: str) -> Iterator[tuple[str, str, Any]]:
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            if tag in operation["tags"]:
                yield method, path, operation


def _section(name: str, items: list[tuple[str, str, Any]]) -> str:
    shown = "".join(_operation(*item) for item in items)
    return f'<section id="{name}"><h2>{_noun(name).capitalize()}</h2>{shown}</section>'


def _operation(method: str, path: str, operation: Mapping[str, Any]) -> str:
    name = operation["operationId"]
    parts = escape(path).replace("{", "<var>{").replace("}", "}</var>")
    more = "".join(f"<p>{_prose(text)}</p>" for text in operation["description"].split("\n\n"))
    return (
        f'<details id="{name}"><summary><b class="{method}">{method.upper()}</b>'
        f"<code>{parts}</code>"
        f"<span>{_prose(operation['summary'])}</span></summary><div>{more}"
        f"{_parameters(operation['parameters'])}{_body(operation)}"
        f"{_responses(operation['responses'])}</div></details>"
    )


def _parameters(parameters: list[Mapping[str, Any]]) -> str:
    rows = "".join(
        f"<tr><td>{_name(one['name'], required=one['required'])}</td>"
        f"<td>{one['in']}</td><td>{_type(one['schema'])}</td>"
        f"<td>{_prose(one.get('description', ''))}</td></tr>"
        for one in parameters
    )
    return f"<h3>Parameters</h3><table>{rows}</table>" if rows else ""


def _body(operation: Mapping[str, Any]) -> str:
    content = operation.get("requestBody", {}).get("content", {})
    for media, described in content.items():
        return f"<h3>Body</h3><p><code>{media}</code> {_type(described['schema'])}</p>"
    return ""


def _responses(responses: Mapping[str, Any]) -> str:
    rows = ""
    for status, response in responses.items():
        content = next(iter(response.get("content", {}).items()), None)
        shown = f"{_type(content[1]['schema'])}" if content and status < "300" else ""
        rows += (
            f'<tr><td><b class="s{status[0]}">{status}</b></td>'
            f"<td>{_prose(response['description'])}</td><td>{shown}</td></tr>"
        )
    return f"<h3>Answers</h3><table>{rows}</table>"


def _schema(name: str, schema: Mapping[str, Any]) -> str:
    required = schema.get("required", ())
    rows = "".join(
        f"<tr><td>{_name(key, required=key in required)}</td>"
        f"<td>{_type(item)}</td><td>{_prose(item.get('description', ''))}</td></tr>"
        for key, item in schema.get("properties", {}).items()
    )
    said = "".join(f"<p>{_prose(text)}</p>" for text in schema.get("description", "").split("\n\n"))
    return (
        f'<details id="shape-{name}"><summary><code>{escape(name)}</code></summary>'
        f"<div>{said}<table>{rows}</table></div></details>"
    )


def _type(schema: Mapping[str, Any]) -> str:
    """A schema in a few words."""
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        return f'<a href="#shape-{name}">{name}</a>'
    if "anyOf" in schema:
        return " or ".join(map(_type, schema["anyOf"]))
    if "enum" in schema:
        return " | ".join(f"<code>{escape(str(word))}</code>" for word in schema["enum"])
    kind = schema.get("type", "anything")
    if kind == "array":
        return f"list of {_type(schema.get('items', {}))}"
    if kind == "object" and "additionalProperties" in schema:
        inner = schema["additionalProperties"]
        return f"object of {_type(inner)}" if isinstance(inner, dict) else "object"
    bounds = [f"{schema[key]}" for key in ("minimum", "maximum") if key in schema]
    words = escape(" or ".join(kind) if isinstance(kind, list) else kind)
    usual = schema.get("default")
    default = "" if usual in (None, "", [], {}) else f", else <code>{escape(str(usual))}</code>"
    return f"{words}{' ' + '–'.join(bounds) if len(bounds) == 2 else ''}{default}"


def _name(name: str, *, required: bool) -> str:
    return f"<code>{escape(name)}</code>" + ("" if required else " <i>opt.</i>")


def _prose(text: str) -> str:
    """Text with words in backticks as code, and links."""
    pieces = escape(" ".join(text.replace("``", "`").split()), quote=False).split("`")
    return "".join(
        f"<code>{piece}</code>" if number % 2 else _linked(piece)
        for number, piece in enumerate(pieces)
    )


def _linked(text: str) -> str:
    head, found, rest = text.partition("[")
    name, closed, tail = rest.partition("](")
    address, ended, after = tail.partition(")")
    if not (found and closed and ended and address.startswith("https://")):
        return text
    return f'{head}<a href="{escape(address)}" rel="noreferrer">{name}</a>{_linked(after)}'


def _noun(name: str) -> str:
    return NOUNS.get(name, name)
