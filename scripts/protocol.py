"""Write `docs/protocol.md` and the page's `src/protocol.ts` from `services/protocol.py`."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from enum import StrEnum
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

from annotated_types import MaxLen

from services import protocol

REPOSITORY = Path(__file__).resolve().parent.parent
PAGE = REPOSITORY / "docs" / "protocol.md"
TYPES = REPOSITORY / "services" / "web" / "page" / "src" / "protocol.ts"
FROM = "services/protocol.py: python -m scripts.protocol"
LINE_LENGTH = 100

MARK = f"<!-- From here on made from {FROM} -->\n"
"""In the page, below what is written by hand."""


def protocol_page(present: str) -> str:
    """The text of `docs/protocol.md`: of what is `present`, the part by hand stays as it is."""
    by_hand, _, _ = present.partition(MARK)
    parts = [by_hand, MARK]
    for kind in _enums():
        told = _members(kind)
        rows = [f"| `{member.value}` | {_cell(told.get(member.name, ''))} |" for member in kind]
        described = any(told.values())
        head = "| name | meaning |\n| --- | --- |"
        if not described:
            rows = [f"- `{member.value}`" for member in kind]
            head = ""
        lines = [f"\n## {_sentence(kind)}\n", *([head] if head else []), *rows]
        parts.append("\n".join(lines) + "\n")
    parts.append("\n## Messages\n")
    for message in _messages():
        told = _members(message)
        hints = get_type_hints(message, include_extras=True)
        rows = [
            f"| `{field.name}` | {_in_words(hints[field.name])} | {_cell(told[field.name])} |"
            for field in fields(message)
        ]
        table = ["| field | type | meaning |", "| --- | --- | --- |", *rows]
        parts.append(f"\n### `{message.__name__}`\n\n{_doc(message)}\n\n" + "\n".join(table) + "\n")
    parts.append("\n## Constants and bounds\n\n| name | value | meaning |\n| --- | --- | --- |\n")
    parts.extend(
        f"| `{constant.name}` | `{constant.value}` | {_cell(constant.meaning)} |\n"
        for constant in _constants()
    )
    return "".join(parts)


def page_types() -> str:
    """The text of the page's `protocol.ts`."""
    parts = [
        "/** The wire between the agent and this page: names, messages, bounds. */\n\n"
        f"// Made from {FROM}\n\n",
        "import { list, number, oneOf, record, text, truth } from './lib/decode';\n",
    ]
    for constant in _constants():
        parts.append(f"\n{_comment(constant.meaning)}")
        parts.append(f"export const {constant.name} = {_quoted(constant.value)};\n")
    for kind in _enums():
        told = _members(kind)
        parts.append(f"\n{_comment(_doc(kind))}export const {kind.__name__} = {{\n")
        for member in kind:
            parts.append(_comment(told.get(member.name, ""), indent="  "))
            parts.append(f"  {_camel(member.name)}: {_quoted(member.value)},\n")
        name = kind.__name__
        parts.append("} as const;\n")
        parts.append(f"export type {name} = (typeof {name})[keyof typeof {name}];\n")
    for message in _messages():
        told = _members(message)
        hints = get_type_hints(message, include_extras=True)
        parts.append(f"\n{_comment(_doc(message))}export interface {message.__name__} {{\n")
        for field in fields(message):
            parts.append(_comment(told[field.name], indent="  "))
            parts.append(f"  readonly {field.name}: {_typescript(hints[field.name])};\n")
        parts.append("}\n\n")
        name = message.__name__
        parts.append(f"export const read{name} = record<{name}>({{\n")
        parts.extend(
            f"  {field.name}: {_reader(hints[field.name])},\n" for field in fields(message)
        )
        parts.append("});\n")
    return "".join(parts)


@dataclass(frozen=True)
class _Constant:
    name: str
    value: str | int
    meaning: str


def _tree() -> ast.Module:
    return ast.parse(Path(protocol.__file__).read_text(encoding="utf-8"))


def _documented(body: list[ast.stmt]) -> Iterator[tuple[str, str]]:
    """Each name that is assigned, and the string that follows it."""
    for statement, after in zip(body, [*body[1:], None], strict=True):
        if isinstance(statement, ast.Assign):
            target = statement.targets[0]
        elif isinstance(statement, ast.AnnAssign):
            target = statement.target
        else:
            continue
        if not isinstance(target, ast.Name):
            continue
        told = ""
        if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
            told = " ".join(str(after.value.value).split())
        yield target.id, told


def _constants() -> list[_Constant]:
    return [
        _Constant(name, value, told)
        for name, told in _documented(_tree().body)
        if name.isupper()
        and not name.startswith("_")
        and isinstance(value := getattr(protocol, name), str | int)
    ]


def _classes() -> list[type]:
    defined = [node.name for node in _tree().body if isinstance(node, ast.ClassDef)]
    return [getattr(protocol, name) for name in defined]


def _enums() -> list[type[StrEnum]]:
    return [kind for kind in _classes() if issubclass(kind, StrEnum)]


def _messages() -> list[type[Any]]:
    return [kind for kind in _classes() if is_dataclass(kind) and kind is not protocol.Message]


def _members(kind: type) -> dict[str, str]:
    [node] = [n for n in _tree().body if isinstance(n, ast.ClassDef) and n.name == kind.__name__]
    return dict(_documented(node.body))


def _doc(kind: type) -> str:
    return " ".join((kind.__doc__ or "").split())


def _sentence(kind: type) -> str:
    return _doc(kind).rstrip(".")


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _camel(name: str) -> str:
    first, *others = name.lower().split("_")
    return first + "".join(word.capitalize() for word in others)


def _quoted(value: str | int) -> str:
    return json.dumps(value) if isinstance(value, int) else f"'{value}'"


def _comment(text: str, indent: str = "") -> str:
    if not text:
        return ""
    line = f"{indent}/** {text} */\n"
    if len(line) <= LINE_LENGTH:
        return line
    lines, present = [], f"{indent} *"
    for word in text.split():
        if len(present) + 1 + len(word) > LINE_LENGTH:
            lines.append(present)
            present = f"{indent} *"
        present += f" {word}"
    return "\n".join([f"{indent}/**", *lines, present, f"{indent} */", ""])


def _parts(hint: Any) -> tuple[Any, int | None, bool]:
    """A type without its bound and without None: the rest, the greatest length, whether None."""
    if get_origin(hint) in (UnionType,) or str(get_origin(hint)) == "typing.Union":
        rest = [argument for argument in get_args(hint) if argument is not NoneType]
        inner, longest, _ = _parts(rest[0])
        return inner, longest, True
    if get_origin(hint) is Annotated:
        inner, *marks = get_args(hint)
        longest = next((mark.max_length for mark in marks if isinstance(mark, MaxLen)), None)
        return inner, longest, False
    return hint, None, False


def _typescript(hint: Any) -> str:
    inner, _, optional = _parts(hint)
    return _name_in_typescript(inner) + (" | null" if optional else "")


def _name_in_typescript(inner: Any) -> str:
    if get_origin(inner) is Literal:
        return " | ".join(_quoted(value) for value in get_args(inner))
    if get_origin(inner) is tuple:
        return f"readonly {_typescript(get_args(inner)[0])}[]"
    plain = {str: "string", bool: "boolean", float: "number", int: "number"}
    return plain.get(inner) or inner.__name__


def _reader(hint: Any) -> str:
    """The reader of a field, of those in `decode.ts`."""
    inner, longest, optional = _parts(hint)
    if inner is str:
        found = f"text({longest})"
    elif inner is bool:
        found = "truth"
    elif inner in (float, int):
        found = "number"
    elif get_origin(inner) is Literal:
        found = f"oneOf([{', '.join(_quoted(value) for value in get_args(inner))}])"
    elif get_origin(inner) is tuple:
        found = f"list({_reader(get_args(inner)[0])}, {longest})"
    elif issubclass(inner, StrEnum):
        found = f"oneOf(Object.values({inner.__name__}))"
    else:
        found = f"read{inner.__name__}"
    return f"{found}.orNull" if optional else found


def _in_words(hint: Any) -> str:
    inner, longest, optional = _parts(hint)
    if inner is str:
        words = f"text, {longest} characters at most"
    elif inner is bool:
        words = "true or false"
    elif inner in (float, int):
        words = "number, 0 or more"
    elif get_origin(inner) is Literal:
        words = " or ".join(f"`{value}`" for value in get_args(inner))
    elif get_origin(inner) is tuple:
        words = f"list, {longest} at most, of {_in_words(get_args(inner)[0])}"
    else:
        words = f"`{inner.__name__}`"
    return f"{words}, or null" if optional else words


if __name__ == "__main__":
    PAGE.write_text(protocol_page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    TYPES.write_text(page_types(), encoding="utf-8")
