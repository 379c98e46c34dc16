"""The YAML of suites: mappings, lists and scalars, with the scalar types of YAML 1.2.

`1e-3` is a number; `on`, `yes` and `2026-01-01` are text. Anchors, aliases, tags and merge keys are errors,
so every setting is written where it applies and a small file cannot expand into a large one.
"""

from __future__ import annotations

import math
import re
from typing import Any, NamedTuple

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from cvbench.errors import Problem, SuiteError, writable

_DEPTH = 20
_SPLIT = "{split}"
_SPLIT_AS_TEXT = "\ue000split\ue001"
"""Replaces `{split}` during parsing, where braces mean a mapping. Of equal length, so columns stay right."""
_NULL = {"", "~", "null", "Null", "NULL"}
_BOOL = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INT = re.compile(r"[-+]?[0-9]{1,18}|0o[0-7]{1,18}|0x[0-9a-fA-F]{1,15}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_INFINITE = re.compile(r"([-+]?)\.(inf|Inf|INF)")


class ParsedText(NamedTuple):
    """The tree of a text, and the problems found in it."""

    tree: Any
    problems: tuple[Problem, ...]


def read(text: str, place: str) -> ParsedText:
    """Parse `text` into mappings, lists, text, numbers, booleans and None.

    A repeated key is reported and keeps its last value. Raises SuiteError if there is no usable tree: the
    text is not YAML, or it has an alias.
    """
    if (odd := yaml.reader.Reader.NON_PRINTABLE.search(text)) is not None:
        line = text.count("\n", 0, odd.start()) + 1
        what = f"invalid YAML: the character U+{ord(odd.group()):04X} is not allowed."
        if "\udc80" <= odd.group() <= "\udcff":  # a byte of a file name that is not UTF-8
            name = writable(text.splitlines()[line - 1].strip())
            what = f"{name}: the name is not UTF-8, so no record can hold it. Rename the file or folder."
        raise SuiteError([Problem(f"{place}: line {line}", what)])
    loader = _Loader(text.replace(_SPLIT, _SPLIT_AS_TEXT), place)
    try:
        node = loader.get_single_node()
        tree = None if node is None else loader.value(node)
    except yaml.MarkedYAMLError as error:
        what = " ".join(part for part in (error.context, error.problem) if part)
        loader.report(error.problem_mark or error.context_mark, f"invalid YAML: {what}.")
        raise SuiteError(loader.problems) from error
    finally:
        loader.dispose()
    return ParsedText(tree, tuple(loader.problems))


def scalar(text: str) -> Any:
    """The value of an unquoted scalar.

    >>> scalar("1e-3"), scalar("010"), scalar("yes"), scalar("true"), scalar("~")
    (0.001, 10, 'yes', True, None)
    """
    if text in _NULL:
        return None
    if text in _BOOL:
        return _BOOL[text]
    if _INT.fullmatch(text):
        return int(text, {"0o": 8, "0x": 16}.get(text[:2], 10))
    if _FLOAT.fullmatch(text):
        return float(text)
    if infinite := _INFINITE.fullmatch(text):
        return float(f"{infinite[1]}inf")
    return math.nan if text in {".nan", ".NaN", ".NAN"} else text


class _Loader(yaml.BaseLoader):
    """PyYAML's parser and composer, without its resolver and constructors."""

    def __init__(self, text: str, place: str) -> None:
        self.problems: list[Problem] = []
        self._place = place
        self._depth = 0
        super().__init__(text)

    def report(self, mark: Any, what: str, remedy: str = "") -> None:
        where = f": line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        self.problems.append(Problem(self._place + where, what, remedy))

    def compose_node(self, parent: Node | None, index: Any) -> Node | None:
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent):
            self.report(event.start_mark, f"the alias *{event.anchor} is not allowed.", "Write it out.")
            raise SuiteError(self.problems)
        if self._depth == _DEPTH:
            self.report(event.start_mark, f"nested more than {_DEPTH} levels deep.")
            raise SuiteError(self.problems)
        if event.anchor is not None:
            self.report(event.start_mark, f"the anchor &{event.anchor} is not allowed.", "Remove it.")
            event.anchor = None
        if event.tag is not None:
            self.report(event.start_mark, f"the tag {event.tag} is not allowed.", "Remove it.")
        self._depth += 1
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node

    def value(self, node: Node) -> Any:
        """The Python value of a node."""
        if isinstance(node, ScalarNode):
            return self._text(node) if node.style or _SPLIT_AS_TEXT in node.value else scalar(node.value)
        if isinstance(node, SequenceNode):
            return [self.value(item) for item in node.value]
        assert isinstance(node, MappingNode)
        tree: dict[str, Any] = {}
        for key, value in node.value:
            if not isinstance(key, ScalarNode):
                self.report(key.start_mark, "a key must be a name, not a list or a mapping.")
                continue
            if key.value == "<<" and key.style is None:
                self.report(key.start_mark, "the merge key << is not allowed.", "Write its content out.")
                continue
            if key.value in tree:
                self.report(key.start_mark, f'the key "{key.value}" is repeated in this mapping.')
            tree[self._text(key)] = self.value(value)
        return tree

    def _text(self, node: ScalarNode) -> str:
        r"""The text of a node. A surrogate pair "\ud83d\ude00" is one character; half of one is an error."""
        text: str = node.value.replace(_SPLIT_AS_TEXT, _SPLIT)
        try:
            return text.encode("utf-16", "surrogatepass").decode("utf-16")
        except UnicodeDecodeError:
            self.report(node.start_mark, "an escape in this text is not a valid character.")
            return ""
