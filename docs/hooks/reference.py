"""Reference pages, generated when the site is built: commands, suite keys, cards, exit codes, Python API.

Nothing here needs MkDocs, so the default tests can read the pages without it.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator, Mapping, Sequence
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


def _cell(text: str) -> str:
    """Text as a table's cell: one line, without bars and markup of HTML."""
    return " ".join(html.escape(text, quote=False).replace("|", "&#124;").replace("*", "&#42;").split())


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def _code(text: str) -> str:
    return f"<code>{_cell(text)}</code>" if text else ""


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
        usage = " ".join([path, *command.collect_usage_pieces(context)])
        parts += [f"## {path}\n", _help(command.help or ""), f"```text\n{usage}\n```\n"]
        parameters = [parameter for parameter in command.params if not getattr(parameter, "hidden", False)]
        rows = [_parameter(parameter, context) for parameter in parameters]
        if rows:
            parts.append(_table(("argument or option", "value", "default", "meaning"), rows))
    return "\n".join(parts)


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
    flags = [*parameter.opts, *parameter.secondary_opts] if option else [parameter.metavar or parameter.name]
    value = "" if getattr(parameter, "is_flag", False) else _value(parameter, context)
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
    """What an option takes: Typer says it itself since it carries its own copy of click."""
    if parameter.metavar:
        return str(parameter.metavar)
    shown = getattr(parameter, "display_type", None)
    if shown is None:
        return str(parameter.make_metavar(context))
    return str(shown(context) if callable(shown) else shown)


# Suite --------------------------------------------------------------------------------------------


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
        if name == "DataSpec":
            continue  # DataForm is the same mapping, as suites write it
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
    return _code(text) if len(text) <= 40 else "see there"


def _type(value: Json) -> str:  # noqa: PLR0911 - one answer per kind of schema
    """A short name of a schema's type, with its limits."""
    if "$ref" in value:
        name = value["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    for several in ("anyOf", "oneOf"):
        if several in value:
            return " or ".join(dict.fromkeys(_type(one) for one in value[several]))
    if "enum" in value:
        names = value["enum"]
        return ", ".join(_code(str(name)) for name in names) if len(names) <= 10 else "a listed name"
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
        return "import path" if ":[A-Za-z_]" in value["pattern"] else f"text {_code(value['pattern'])}"
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


def python() -> str:
    """The public functions, and the interfaces and values that plug-ins and records are made of."""
    parts = ["# Python API\n\n`import cvbench` offers these functions. Each is imported on its first use.\n"]
    for name in sorted(cvbench.__all__):
        home = getattr(cvbench, name).__module__
        parts.append(
            f"## cvbench.{name}\n\n::: {home}.{name}\n    options:\n      show_root_heading: false\n"
        )
    for title, module in (
        ("Interfaces of your own code", "cvbench.interfaces"),
        ("Values between them", "cvbench.values"),
        ("Records", "cvbench.record"),
    ):
        parts.append(f"## {title}\n\n::: {module}\n    options:\n      heading_level: 3\n")
    return "\n".join(parts)
