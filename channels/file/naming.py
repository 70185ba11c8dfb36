"""Names of files that are made from messages: whatever a message holds, the name stays one plain name in one folder."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from typing import Annotated

from pydantic import AfterValidator, Field

from schemas.message import Message

LONGEST = 200
"""Bytes of a name, which leaves room for a number and for the 255 bytes that file systems allow."""

_UNSAFE = re.compile(r'[/\\:*?"<>|\s]')
_DEVICES = re.compile(r"(CON|PRN|AUX|NUL|COM\d|LPT\d)(?=\.|\Z)", re.IGNORECASE)  # reserved where a share is Windows'


def _one_name(template: str) -> str:
    if "/" in template or "\\" in template:
        raise ValueError("a name is one name without / or \\; folders belong into `folder`")
    if not template.strip(". "):
        raise ValueError("a name needs a character besides dots")
    return template


NameTemplate = Annotated[str, AfterValidator(_one_name), Field(json_schema_extra={"format": "template"})]
"""A template of a file name."""


def quoted(text: str) -> str:
    """`text` with everything that means something in a path, or cannot be seen, replaced by `_`."""
    text = _UNSAFE.sub("_", unicodedata.normalize("NFC", text))
    return "".join("_" if unicodedata.category(each)[0] == "C" else each for each in text)


def file_name(template: str, message: Message) -> str:
    """The name that `template` gives `message`: never hidden, never a path, never longer than `LONGEST` bytes.

    A name that had to be cut ends in a digest of the whole, so that two long names stay two.
    """
    name = quoted(message.fill(template, quoted))
    bare = name.lstrip(".").rstrip(". ")
    name = "_" * (len(name) - len(name.lstrip("."))) + bare if bare else "_"
    if _DEVICES.match(name):
        name = f"_{name}"
    if len(name.encode()) <= LONGEST:
        return name
    stem, dot, extension = name.rpartition(".")
    end = f".{extension}" if dot and len(extension.encode()) <= 16 else ""
    end = f"-{hashlib.sha256(name.encode()).hexdigest()[:16]}{end}"
    kept = (stem if end.count(".") else name).encode()[: LONGEST - len(end.encode())]
    return kept.decode("utf-8", "ignore") + end
