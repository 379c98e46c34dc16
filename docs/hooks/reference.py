"""Reference pages, generated when the site is built: commands, suite keys, cards, exit codes, Python API.

Nothing here needs MkDocs, so the default tests can read the pages without it.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import cycle
from typing import Any

import typer

import cvbench
from cvbench.cli.main import app
from cvbench.spec.catalogue import DATASETS, METRICS, MODELS, Card, DatasetCard, MetricCard, ModelCard
from cvbench.spec.suite import suite_schema

Json = Mapping[str, Any]


PAGES = ("reference/cli.md", "reference/suite.md", "reference/exit-codes.md", "reference/python.md")
"""The pages that exist only in the built site, by their paths below `docs/`."""


def pages() -> dict[str, str]:
    """Path → Markdown of each generated page."""
    return dict(zip(PAGES, (cli(), suite(), exit_codes(), python()), strict=True))


_MARKUP = str.maketrans({sign: f"&#{ord(sign)};" for sign in r"\|*[]"})


def _cell(text: str) -> str:
    """Text as one line of a table; only backticks are read as Markdown."""
    parts = re.split(r"`([^`]+)`", " ".join(text.split()))
    return "".join(
        f"<code>{_plain(part)}</code>" if odd else _plain(part)
        for odd, part in zip(cycle((False, True)), parts, strict=False)
    )


def _plain(text: str) -> str:
    return html.escape(text, quote=False).translate(_MARKUP)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    text = "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"
    return f'<div class="keys" markdown>\n\n{text}\n</div>\n'


def _code(text: str) -> str:
    return f"<code>{_plain(text)}</code>" if text else ""


# Commands -----------------------------------------------------------------------------------------


def commands() -> Iterator[tuple[str, Any, Any]]:
    """Each command: its name, its click command and a context to ask for its parameters."""
    group: Any = typer.main.get_command(app)
    yield from _below(group, typer.Context(group, info_name="cvbench"))


def _below(group: Any, context: Any) -> Iterator[tuple[str, Any, Any]]:
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        inner = typer.Context(command, info_name=name, parent=context)
        if hasattr(command, "list_commands"):
            yield from _below(command, inner)
        else:
            yield inner.command_path, command, inner


def cli() -> str:
    """Every command with its arguments and options."""
    parts = [
        (
            "# Command line\n\nEvery command with its arguments and options, generated from the program. "
            "`cvbench COMMAND --help` prints the same text.\n"
        )
    ]
    for path, command, context in commands():
        usage = _usage(path, command)
        parts += [f"## {path}\n", _help(command.help or ""), f"```text\n{usage}\n```\n"]
        parameters = [parameter for parameter in command.params if not getattr(parameter, "hidden", False)]
        rows = [_parameter(parameter, context) for parameter in parameters]
        if rows:
            parts.append(_table(("argument or option", "value", "default", "meaning"), rows))
    return "\n".join(parts)


def _usage(path: str, command: Any) -> str:
    """A command with its arguments, the optional ones in brackets."""
    words = [path]
    for parameter in command.params:
        if parameter.param_type_name == "argument":
            word = _name(parameter)
            words.append(
                (word if parameter.required else f"[{word}]") + ("..." if parameter.nargs == -1 else "")
            )
    return " ".join([*words, "[OPTIONS]"])


def _name(argument: Any) -> str:
    return (argument.metavar or argument.name).strip("[]….").upper()


def _help(text: str) -> str:
    r"""A command's help as Markdown; paragraphs that begin with ``\b`` keep their lines."""
    blocks = []
    for block in re.split(r"\n\s*\n", text.replace("\f", "").strip()):
        if block.lstrip().startswith("\b"):
            blocks.append("```text\n" + block.lstrip().removeprefix("\b").strip("\n") + "\n```")
        else:
            blocks.append(html.escape(block, quote=False))
    return "\n\n".join(blocks) + "\n"


def _parameter(parameter: Any, context: Any) -> Sequence[str]:
    option = parameter.param_type_name == "option"
    flags = [*parameter.opts, *parameter.secondary_opts] if option else [_name(parameter)]
    value = _value(parameter, context) if option and not getattr(parameter, "is_flag", False) else ""
    default = parameter.default
    default = (
        "" if default is None or callable(default) or default is False or default == () else f"{default}"
    )
    if parameter.required:
        default = "required"
    elif default:
        default = _code(default.rpartition(".")[2].lower() if default.startswith("SeedRows") else default)
    text = _cell(parameter.help or "")
    variable = getattr(parameter, "envvar", None)
    text += f" Environment variable: {_code(str(variable))}." if variable else ""
    return (", ".join(map(_code, flags)), _code(value), default, text)


def _value(parameter: Any, context: Any) -> str:
    """What an option takes, in capitals, or its choices."""
    if parameter.metavar:
        return str(parameter.metavar)
    shown = getattr(parameter, "display_type", None)
    if shown is None:
        return str(parameter.make_metavar(context))
    kind = str(shown(context) if callable(shown) else shown).strip("<>")
    short = {"str": "TEXT", "int": "N", "int range": "N", "float": "NUMBER", "float range": "NUMBER"}
    return short.get(kind, kind.replace("|", " | ") if "|" in kind else kind.upper())


# Suite --------------------------------------------------------------------------------------------


SAME_AS = {"DataSpec": "DataForm"}
"""Forms of the schema with a section of their own only under another name."""


def suite() -> str:
    """Every key of a suite file: type, default and meaning, one table per mapping."""
    schema = suite_schema()
    parts = [
        (
            "# Suite file\n\nEvery key of a suite file, generated from its JSON Schema "
            "(`cvbench schema suite` prints it; point your editor to it for completion).\n\n"
            "Durations are seconds, or text such as `500ms`, `2s` and `10m`.\n"
        ),
        "## The file\n",
        _keys(schema, skip=()),
    ]
    shared = frozenset(schema["properties"])
    for name, form in schema["$defs"].items():
        if name in SAME_AS:
            continue
        parts += [f"## {name}\n", html.escape(form.get("description", ""), quote=False) + "\n"]
        if name == "ModelForm":
            parts.append(
                "A model also takes `data`, `train`, `metrics`, `time`, `runtime` and `seed`; "
                "they replace the suite's, key by key.\n"
            )
        parts.append(_keys(form, skip=shared - {"name"} if name == "ModelForm" else ()))
    return "\n".join(parts)


def _keys(form: Json, *, skip: Sequence[str] | frozenset[str]) -> str:
    required = form.get("required", ())
    rows = []
    for key, value in form.get("properties", {}).items():
        if key in skip:
            continue
        default = "required" if key in required else _default(value)
        rows.append((_code(key), _type(value), default, _cell(value.get("description", ""))))
    return _table(("key", "type", "default", "meaning"), rows)


def _default(value: Json) -> str:
    if "default" not in value:
        return ""
    text = json.dumps(value["default"])
    return _code(text) if len(text) <= 40 else "as listed there"


def _type(value: Json) -> str:  # noqa: PLR0911 - one answer per kind of schema
    """A short name of a schema's type, with its limits."""
    if "$ref" in value:
        name = value["$ref"].rpartition("/")[2]
        name = SAME_AS.get(name, name)
        return f"[{name}](#{name.lower()})"
    for several in ("anyOf", "oneOf"):
        if several in value:
            return " or ".join(dict.fromkeys(_type(one) for one in value[several]))
    if "enum" in value:
        names = value["enum"]
        return ", ".join(_code(str(name)) for name in names) if len(names) <= 10 else "[a model](models.md)"
    if "const" in value:
        return _code(json.dumps(value["const"]).strip('"'))
    kind = value.get("type", "any value")
    if kind == "array":
        items = (
            [_type(value["items"])] if "items" in value else [_type(i) for i in value.get("prefixItems", ())]
        )
        return "list of " + ", ".join(dict.fromkeys(items)) if items else "list"
    if kind == "object":
        inner = value.get("additionalProperties")
        return f"mapping to {_type(inner)}" if isinstance(inner, Mapping) and inner else "mapping"
    if kind == "string" and value.get("pattern"):
        return _pattern(value["pattern"])
    if kind == "integer" and "minimum" in value and value["minimum"] == value.get("maximum"):
        return _code(str(value["minimum"]))
    limits = [
        sign + f" {value[limit]}"
        for limit, sign in (
            ("minimum", "≥"),
            ("exclusiveMinimum", "&gt;"),
            ("maximum", "≤"),
            ("exclusiveMaximum", "&lt;"),
        )
        if limit in value
    ]
    names = {"string": "text", "integer": "integer", "number": "number", "boolean": "true or false"}
    return " ".join([names.get(kind, kind), ", ".join(limits)]).strip()


def _pattern(pattern: str) -> str:
    """What text of a pattern is called: an import path, a name below a prefix, or the pattern."""
    if ":[A-Za-z_]" in pattern:
        return "import path"
    prefix = re.match(r"\^(\w+/)\[", pattern)
    return _code(f"{prefix[1]}NAME") if prefix else f"text {_code(pattern)}"


# Cards --------------------------------------------------------------------------------------------

CATALOGUES: Mapping[str, Mapping[str, Card]] = {"models": MODELS, "datasets": DATASETS, "metrics": METRICS}


def cards(kind: str) -> str:
    """Every card of a catalogue with its facts and options."""
    parts = []
    for card in CATALOGUES[kind].values():
        parts += [f"### {card.name}\n", _cell(card.summary)[:1].upper() + _cell(card.summary)[1:] + ".\n"]
        parts.append("\n".join(f"- {fact}" for fact in _facts(card)) + "\n")
        rows = [
            (
                _code(name),
                "" if choice.default is None else _code(json.dumps(choice.default)),
                _cell(choice.help),
            )
            for name, choice in card.options.items()
        ]
        if rows:
            parts.append(_table(("option", "default", "meaning"), rows))
    return "\n".join(parts)


def _facts(card: Card) -> Iterator[str]:
    if card.aliases:
        yield "other names: " + ", ".join(map(_code, card.aliases))
    if isinstance(card, ModelCard):
        yield f"paper: [{_cell(card.title)}]({card.link}), {_cell(card.authors)}, {card.year}"
        yield "input: " + " × ".join(map(str, card.input))
        counts = [f"{count:,} for {classes} classes" for classes, count in card.parameters.items()]
        yield "parameters: " + "; ".join(counts)
        if card.macs is not None:
            yield f"MACs per image: {card.macs:,}"
        yield from (f"published: {_cell(value)}" for value in card.reference)
    elif isinstance(card, DatasetCard):
        yield "tasks: " + ", ".join(card.tasks)
        yield "splits: " + ", ".join(map(card.told_split, card.splits))
        yield "files: " + ("set `root` to your copy" if card.needs_root else "bundled; `root` is optional")
        yield f"license: {_cell(card.licence)}; source: {_cell(card.source)}"
    elif isinstance(card, MetricCard):
        yield f"task: {card.task}"
        yield f"protocol: {_code(card.protocol)}"
        yield "values: " + ", ".join(map(_code, card.figures))
        yield "used when a suite names no metrics: " + ("yes" if card.default else "no")
    yield f"code: {_code(card.address)}"


# Exit codes and Python ----------------------------------------------------------------------------


def codes() -> dict[int, str]:
    """Exit code → meaning, as `cvbench --help` lists them."""
    text = str(app.info.epilog).partition(":")[2]
    pairs = [part.strip().partition(" ") for part in text.split("·")]
    return {int(code): meaning for code, _, meaning in pairs}


def exit_codes() -> str:
    """The exit codes, and the commands whose help says more of theirs."""
    rows = [(f"`{code}`", _cell(meaning)) for code, meaning in codes().items()]
    parts = ["# Exit codes\n\nAll commands use one set of exit codes.\n", _table(("code", "meaning"), rows)]
    more = []
    for path, command, _ in commands():
        found = re.search(r"Exit codes?:?.*?\.(?=\s|$)", " ".join((command.help or "").split()))
        if found:
            more.append((f"[`{path}`](cli.md#{path.replace(' ', '-')})", _cell(found[0])))
    if more:
        parts += ["\n## By command\n", _table(("command", "what its help says"), more)]
    return "\n".join(parts)


MEMBERS = "heading_level: 3\n      show_root_toc_entry: false\n      inherited_members: true"
"""Options of a module's section: classes have the members of their private bases too."""


def python() -> str:
    """The public functions, and the interfaces and values that plug-ins and records are made of."""
    parts = ["# Python API\n\n`import cvbench` offers these functions. Each is imported on its first use.\n"]
    for name in sorted(cvbench.__all__):
        home = getattr(cvbench, name).__module__
        shown = f"heading: cvbench.{name}\n      toc_label: {name}\n      heading_level: 2\n"
        parts.append(f"::: {home}.{name}\n    options:\n      show_root_heading: true\n      {shown}")
    for title, module in (
        ("Interfaces of your own code", "cvbench.interfaces"),
        ("Values between them", "cvbench.values"),
        ("Records", "cvbench.record"),
    ):
        parts.append(f"## {title}\n\n::: {module}\n    options:\n      {MEMBERS}\n")
    return "\n".join(parts)
