"""A YAML or JSON file, read into typed structs; every fault of it is one line that names file and place.

No line shows a piece of the file, since it may hold a token: only keys, positions and types.
"""

import json
import re
from collections.abc import Callable, Iterator
from difflib import get_close_matches
from pathlib import Path
from types import NoneType
from typing import Any, NoReturn, TypeVar, get_args, get_origin, get_type_hints

import msgspec
import yaml

from exporter.config import files
from exporter.errors import ConfigError

Typed = TypeVar("Typed")
Hook = Callable[[type, Any], Any]

# A fault of a document: its place and the problem.
Fault = tuple[str, str]

_VALIDATION = re.compile(r"(?P<problem>.*?)(?: - at (?P<key>`key` in )?`\$(?P<place>[^`]*)`)?", re.DOTALL)
_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,39}")


def line(file: Path | str, place: str, problem: str) -> str:
    """Return `FILE: PLACE: PROBLEM`, or `FILE: PROBLEM` if the problem has no place in the file."""
    return ": ".join(part for part in (str(file), place, problem) if part)


def fail(file: Path | str, place: str, problem: str) -> NoReturn:
    """Raise ConfigError without a cause: a parser's own exception quotes the file, and a traceback would show it."""
    raise ConfigError(line(file, place, problem)) from None


def read(file: Path) -> object:
    """Return the plain values of a file; raise ConfigError also if it is empty."""
    document = read_if_any(file)
    if document is None:
        fail(file, "", "is empty")
    return document


def read_if_any(file: Path) -> object:
    """Return the plain values of a file, None if it has none: JSON if its name ends with .json, else YAML.

    Raise ConfigError, in YAML also for a duplicate key.
    """
    try:
        text = files.read(file).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        fail(file, "", f"is not UTF-8 text (byte {error.start})")
    except (OSError, ValueError) as error:
        fail(file, "", files.unreadable(error))
    return _json(file, text) if file.suffix.lower() == ".json" else _yaml(file, text)


def typed(file: Path, document: object, into: type[Typed], hook: Hook | None = None) -> Typed:
    """Return the document as a value of type `into`; raise ConfigError with all of its faults.

    `hook` reads this project's own types; its ValueErrors become faults.
    """
    try:
        return msgspec.convert(document, into, dec_hook=hook)
    except msgspec.ValidationError:
        faults = _faults(document, into, hook, "")
        raise ConfigError(*(line(file, place, problem) for place, problem in faults)) from None


def _faults(value: Any, kind: Any, hook: Hook | None, place: str) -> Iterator[Fault]:
    """Yield the faults of a value field by field: msgspec alone stops at the first one."""
    if isinstance(value, dict) and (struct := _struct_of(kind)):
        fields = {field.encode_name: field for field in msgspec.structs.fields(struct)}
        kinds = get_type_hints(struct)
        for key, item in value.items():
            if not isinstance(key, str):
                yield place, "every key must be a string"
            elif key not in fields:
                yield place, _unknown(key, list(fields))
            else:
                yield from _faults(item, kinds[fields[key].name], hook, f"{place}.{key}".removeprefix("."))
        for key, field in fields.items():
            if field.required and key not in value:
                yield place, f'the key "{key}" is missing'
    elif isinstance(value, list) and get_origin(kind) in (list, tuple):
        for i, item in enumerate(value):
            yield from _faults(item, get_args(kind)[0], hook, f"{place}[{i}]")
    else:
        try:
            msgspec.convert(value, kind, dec_hook=hook)
        except msgspec.ValidationError as error:
            # MESSAGE, or MESSAGE - at `$.headers[...]`, or MESSAGE - at `key` in `$.headers`
            found = _VALIDATION.fullmatch(str(error))
            assert found is not None
            problem = "every key must be a string" if found["key"] else _in_words(found["problem"])
            yield place + (found["place"] or ""), problem


def _struct_of(kind: Any) -> type[msgspec.Struct] | None:
    """Return the struct that a mapping is read into."""
    for one in (kind, *get_args(kind)):
        if isinstance(one, type) and issubclass(one, msgspec.Struct):
            return one
    return None


def _unknown(key: str, known: list[str]) -> str:
    close = get_close_matches(key, known, 1)
    suggestion = f'did you mean "{close[0]}"?' if close else f"known are {', '.join(known)}"
    return f"unknown key {_quoted(key)} ({suggestion})"


def _quoted(key: str) -> str:
    """Return the key in quotes if it is short and plain: anything else could be a token in the wrong place."""
    return f'"{key}"' if _KEY.fullmatch(key) else "(not shown: it could be a token)"


_TYPES = {
    "str": "a string",
    "int": "an integer",
    "float": "a number",
    "bool": "true or false",
    "array": "a list",
    "object": "a mapping",
    "null": "nothing",
    "date": "a date",
    "datetime": "a date",
}


def _in_words(problem: str) -> str:
    """Return a message of msgspec in this project's words, and a message of the hook unchanged."""
    if found := re.fullmatch(r"Expected `(.*)`, got `(.*)`", problem):
        return _wrong_type(found[1].removesuffix(" | null").split(" | "), found[2])
    return problem


def wrong_type(expected: list[str], value: object) -> str:
    """Return the problem of a value that has none of the expected types, which have msgspec's names."""
    names: dict[type, str] = {NoneType: "null", list: "array", dict: "object"}
    return _wrong_type(expected, names.get(type(value), type(value).__name__))


def _wrong_type(expected: list[str], got: str) -> str:
    wanted = " or ".join(_TYPES.get(name, name) for name in expected)
    # YAML takes 0125896, 2024-01-31, on and no for anything but text.
    quotes = " (put it in quotes)" if "str" in expected and got not in ("array", "object", "null") else ""
    return f"must be {wanted}, not {_TYPES.get(got, got)}{quotes}"


def _json(file: Path, text: str) -> object:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        fail(file, f"line {error.lineno}, column {error.colno}", f"is not valid JSON ({error.msg})")
    except (ValueError, RecursionError):
        fail(file, "", "is not a configuration: it is nested too deeply, or contains a number that is too long")


class _RejectedError(yaml.MarkedYAMLError):
    """Valid YAML that this project rejects, with the problem in its own words."""


class _Loader(yaml.CSafeLoader):
    """Rejects duplicate keys, of which PyYAML keeps the last, and gives every error its place."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except yaml.YAMLError:
            raise
        except Exception:
            # PyYAML does not catch what int() and date() raise: 2024-99-99, or ten thousand digits.
            problem = "contains an invalid value, such as the date 2024-99-99: put it in quotes if it is text"
            raise _RejectedError(problem=problem, problem_mark=node.start_mark) from None

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if (key.tag, key.value) in keys:
                    problem = f"duplicate key {_quoted(key.value)}"
                    raise _RejectedError(problem=problem, problem_mark=key.start_mark)
                keys.add((key.tag, key.value))
        return super().construct_mapping(node, deep)


def _yaml(file: Path, text: str) -> object:
    try:
        return yaml.load(text, Loader=_Loader)  # noqa: S506 - it is a safe loader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}" if mark is not None else ""
        is_ours = isinstance(error, _RejectedError)
        fail(file, place, str(error.problem) if is_ours else f"is not valid YAML ({_harmless(error)})")
    except yaml.reader.ReaderError as error:
        before = text[: error.position].split("\n")
        place = f"line {len(before)}, column {len(before[-1]) + 1}"
        fail(file, place, "is not valid YAML (a character that it does not allow)")


def _harmless(error: yaml.MarkedYAMLError) -> str:
    """Return PyYAML's message without what it quotes from the file, except single characters."""
    words = ", ".join(part for part in (error.context, error.problem) if part)
    if re.search(r"['\"`]", re.sub(r"'(.|<[a-z ]+>)'", "", words)):
        return re.sub(r" ?['\"`].*['\"`]", "", words, flags=re.DOTALL)
    return words
