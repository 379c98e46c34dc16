"""Read XML input files, in the encodings that annotation tools use.

A document type is an error: annotations do not need one, and its entities can expand a small file into a
large one.
"""

from __future__ import annotations

import codecs
import re
from pathlib import Path
from xml.etree import ElementTree as ET

from cvbench.files import read_regular


class UnreadXml(Exception):
    """A file that cannot be read: the kind of problem, details and the remedy."""

    def __init__(self, kind: str, detail: str = "", remedy: str = "") -> None:
        super().__init__(kind)
        self.kind, self.detail, self.remedy = kind, detail, remedy


def read_xml(path: Path) -> ET.Element:
    """The root element of a file; raises UnreadXml with the reason if it cannot be read."""
    if path.exists() and not path.is_file():
        raise UnreadXml("an annotation that is not a regular file")
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
"""Declared encoding → its superset, because tools write characters of the superset."""
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
    """Decode an XML file by its byte order mark or declaration; raises UnreadXml if that is not supported.

    The parser gets text, because it supports few encodings of bytes and fails in many ways on others.
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
    return UnreadXml("an annotation in an unsupported encoding", f": {encoding}", "Save the file as UTF-8.")


class _NoDoctype(ET.TreeBuilder):
    """Builds the element tree, and stops at a document type."""

    def doctype(self, name: str, pubid: str | None, system: str | None) -> None:  # noqa: ARG002, expat calls it so
        raise UnreadXml(
            "an annotation with a document type, which is not allowed",
            remedy="Remove the line that begins with <!DOCTYPE.",
        )
