"""A YAML or JSON file, read into typed structs; every fault of it is one line that names file and place.

No message shows a piece of the file, since it may hold a token: only keys, positions and types.
"""

import json
import re
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from pathlib import Path
from types import NoneType
from typing import Any, NoReturn, TypeVar

import msgspec
import yaml

from exporter.config import files
from exporter.errors import ConfigError

Typed = TypeVar("Typed")
Hook = Callable[[type, Any], Any]

# PyYAML builds nodes by recursion in C without a limit: depth is checked on the events, before.
_DEEPEST = 64
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_VALIDATION = re.compile(r"(?P<problem>.*?)(?: - at (?P<key>`key` in )?`\$(?P<place>[^`]*)`)?", re.DOTALL)
_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,39}")


def fail(file: Path | str, place: str, problem: str) -> NoReturn:
    """Refuse the file: `FILE: PLACE: PROBLEM`, or `FILE: PROBLEM` for the file as a whole.

    Without a cause: a parser's own exception quotes the file, and a traceback would show it.
    """
    raise ConfigError(": ".join(part for part in (str(file), place, problem) if part)) from None


def read(file: Path) -> object:
    """The plain values of a file that must hold some."""
    document = read_if_any(file)
    if document is None:
        fail(file, "", "is empty")
    return document


def read_if_any(file: Path) -> object:
    """The plain values of a file: JSON if its name ends so, else YAML; None if it is empty, but for comments.

    Keys stand once in a mapping.
    """
    try:
        text = files.read(file).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        fail(file, "", f"is not UTF-8 text (byte {error.start})")
    except (OSError, ValueError) as error:
        fail(file, "", files.unreadable(error))
    return _json(file, text) if file.suffix.lower() == ".json" else _yaml(file, text)


def typed(
    file: Path, document: object, into: type[Typed], sections: Mapping[str, type[msgspec.Struct]], hook: Hook
) -> Typed:
    """The document as a value of type `into`.

    `sections` gives the struct at each place (`accounts[].chargers[]`), to suggest a key for an unknown one;
    `hook` reads the types of the project's own: its ValueErrors become messages with their place.
    """
    try:
        return msgspec.convert(document, into, dec_hook=hook)
    except msgspec.ValidationError as error:
        # MESSAGE, or MESSAGE - at `$.accounts[0].name`, or MESSAGE - at `key` in `$.accounts[0]`
        found = _VALIDATION.fullmatch(str(error))
        assert found is not None
        place = (found["place"] or "").removeprefix(".")
        problem = "every key must be a string" if found["key"] else found["problem"]
        section = sections.get(re.sub(r"\[[0-9]+\]", "[]", place))
        fail(file, place, _in_words(problem, section.__struct_encode_fields__ if section else ()))


def _quoted(key: str) -> str:
    """A key between quotes, if it is short and plain: anything else could be a token in the wrong place."""
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


def _in_words(problem: str, known: tuple[str, ...]) -> str:
    """A message of msgspec in this project's words; one of the hook's as it is."""
    if found := re.fullmatch(r"Object contains unknown field `(.*)`", problem, re.DOTALL):
        close = get_close_matches(found[1], known, 1)
        suggestion = f'did you mean "{close[0]}"?' if close else f"known are {', '.join(known)}"
        return f"unknown key {_quoted(found[1])} ({suggestion})"
    if found := re.fullmatch(r"Object missing required field `(.*)`", problem):
        return f'the key "{found[1]}" is missing'
    if found := re.fullmatch(r"Expected `(.*)`, got `(.*)`", problem):
        return _wrong_type(found[1].removesuffix(" | null").split(" | "), found[2])
    return problem


def wrong_type(expected: list[str], value: object) -> str:
    """What to say of a value whose type is none of those expected, which are named as msgspec names them."""
    names: dict[type, str] = {NoneType: "null", list: "array", dict: "object"}
    return _wrong_type(expected, names.get(type(value), type(value).__name__))


def _wrong_type(expected: list[str], got: str) -> str:
    wanted = " or ".join(_TYPES.get(name, name) for name in expected)
    # YAML takes 0125896, 2024-01-31, on and no for anything but text.
    quotes = " (put it in quotes)" if "str" in expected and got not in ("array", "object", "null") else ""
    return f"must be {wanted}, not {_TYPES.get(got, got)}{quotes}"


def _json(file: Path, text: str) -> object:
    def mapping(pairs: list[tuple[str, object]]) -> dict[str, object]:
        result: dict[str, object] = {}
        for key, value in pairs:
            if key in result:
                fail(file, "", f"key {_quoted(key)} stands twice in one mapping")
            result[key] = value
        return result

    if not text.strip():
        return None
    try:
        return json.loads(text, object_pairs_hook=mapping)
    except json.JSONDecodeError as error:
        fail(file, f"line {error.lineno}, column {error.colno}", f"is not valid JSON ({error.msg})")
    except (ValueError, RecursionError):
        fail(file, "", "is not a configuration: it is nested too deeply, or holds an endless number")


def _yaml(file: Path, text: str) -> object:
    try:
        _refuse_what_harms(file, text)
        loader = _Loader(text)
        try:
            node = loader.get_single_node()
            if node is None:
                return None
            _refuse_twin_keys(file, node)
            return loader.construct_document(node)
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        fail(file, _where(mark), f"is not valid YAML ({_harmless(error)})")
    except yaml.reader.ReaderError as error:
        before = text[: error.position]
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        fail(file, f"line {line}, column {column}", "is not valid YAML (a character that it does not allow)")
    except (ValueError, OverflowError, RecursionError):
        # PyYAML turns scalars into numbers and dates without a net: 2024-99-99, or ten thousand digits.
        fail(file, "", "holds a number or a date that does not exist: put it in quotes")


def _where(mark: Any) -> str:
    return f"line {mark.line + 1}, column {mark.column + 1}" if mark is not None else ""


def _refuse_what_harms(file: Path, text: str) -> None:
    """Depth, and tags: PyYAML's constructors raise anything at all for a value that does not suit its tag."""
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        if getattr(event, "tag", None) not in (None, "tag:yaml.org,2002:str"):
            fail(file, _where(event.start_mark), "a YAML tag has no meaning in a configuration: put text in quotes")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > _DEEPEST:
                fail(file, _where(event.start_mark), f"is nested more than {_DEEPEST} levels deep")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _refuse_twin_keys(file: Path, root: yaml.Node) -> None:
    """YAML forbids a key to stand twice in a mapping; PyYAML silently keeps the last."""
    seen: set[int] = set()
    left = [root]
    while left:
        node = left.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            left += node.value
        elif isinstance(node, yaml.MappingNode):
            keys: set[tuple[str, str]] = set()
            for key, value in node.value:
                left += (key, value)
                if not isinstance(key, yaml.ScalarNode):
                    continue
                if (key.tag, key.value) in keys:
                    fail(file, _where(key.start_mark), f"key {_quoted(key.value)} stands twice in one mapping")
                keys.add((key.tag, key.value))


def _harmless(error: yaml.MarkedYAMLError) -> str:
    """PyYAML's own words, unless they quote more of the file than a single character."""
    words = ", ".join(part for part in (error.context, error.problem) if part)
    plain = re.sub(r"'(.|<[a-z ]+>)'", "", words)
    return "what stands there has no meaning" if re.search(r"['\"`!]", plain) else words
