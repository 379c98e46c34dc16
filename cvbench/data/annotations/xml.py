"""XML that somebody else wrote, in the encodings that programs write it in.

A document type is refused before any entity could be declared: an annotation needs none, and entities can
make a small file large.
"""

from __future__ import annotations

import codecs
import re
from pathlib import Path
from xml.etree import ElementTree as ET

from cvbench.files import read_regular


class UnreadXml(Exception):
    """A file that is not read: what kind of mistake, what more to say of it, and what to do."""

    def __init__(self, kind: str, detail: str = "", remedy: str = "") -> None:
        super().__init__(kind)
        self.kind, self.detail, self.remedy = kind, detail, remedy


def read_xml(path: Path) -> ET.Element:
    """The root of a file; raises UnreadXml, with the reason, where there is none to be had."""
    if path.exists() and not path.is_file():
        raise UnreadXml("an annotation that is no regular file")
    try:
        content = read_regular(path)
    except FileNotFoundError:
        raise UnreadXml("no annotation of an image in the set") from None
    except OSError as error:
        raise UnreadXml("an annotation that cannot be read", f" ({error.strerror})") from error
    try:
        return ET.fromstring(_text_of(content), parser=ET.XMLParser(target=_NoDoctype()))  # noqa: S314, entities are refused
    except ET.ParseError as error:
        raise UnreadXml("an annotation that is not XML", f": {error}") from error


_WIDER = {"gb2312": "gb18030", "gbk": "gb18030", "shift_jis": "cp932", "euc_kr": "cp949"}
"""Encodings by the names of smaller ones, in which programs write more characters than those have."""
_READ = frozenset(
    [
        "ascii",
        "utf-8",
        "koi8-r",
        "koi8-u",
        "gb18030",
        "big5",
        "big5hkscs",
        "cp950",
        "cp932",
        "euc_jp",
        "cp949",
    ]
    + [f"iso8859-{part}" for part in range(1, 17)]
    + [f"cp{page}" for page in (437, 850, 852, 866, 874, *range(1250, 1259))]
)
_DECLARED = re.compile(rb"""\s*<\?xml[^>]{0,200}?encoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']""")


def _text_of(content: bytes) -> str:
    """The text of an XML file, by its mark or its declaration; raises UnreadXml where that is not read.

    The parser gets text, since on bytes it knows few encodings and fails in many ways on the others.
    """
    declared = _DECLARED.match(content.removeprefix(codecs.BOM_UTF8))
    name = declared[1].decode("ascii") if declared else "utf-8"
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        known = "utf-16"
    elif content[:2] in (b"<\0", b"\0<"):
        known = "utf-16-le" if content[:1] == b"<" else "utf-16-be"
    else:
        try:
            known = codecs.lookup(name).name
        except LookupError:
            raise _not_read(name) from None
        known = _WIDER.get(known, known)
        if known not in _READ:
            raise _not_read(name)
    try:
        return content.decode("utf-8-sig" if known == "utf-8" else known)
    except UnicodeDecodeError as error:
        raise _not_read(f"{name}, and byte {error.start} is none of it") from None


def _not_read(encoding: str) -> UnreadXml:
    return UnreadXml(
        "an annotation in an encoding that is not read", f": {encoding}", "Save the file as UTF-8."
    )


class _NoDoctype(ET.TreeBuilder):
    """Builds the tree, and stops at a document type."""

    def doctype(self, name: str, pubid: str | None, system: str | None) -> None:  # noqa: ARG002, expat calls it so
        raise UnreadXml(
            "an annotation with a document type, which is refused",
            remedy="Remove the line that begins with <!DOCTYPE.",
        )
