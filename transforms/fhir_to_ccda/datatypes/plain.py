"""Primitive values of FHIR as a document writes them; one that is none of its type stays unread, and is reported."""

from __future__ import annotations

import re

from transforms.fhir_node import Node

_NUMBER = re.compile(r"-?\d+(?:\.\d+)?\Z", re.ASCII)
_WHOLE = re.compile(r"-?\d{1,18}\Z", re.ASCII)
_SPACE = re.compile(r"\s")


def boolean(holder: Node, name: str) -> str:
    """`true` or `false`, "" where the element is neither."""
    return holder.text(name) if holder.peek(name) in ("true", "false") else ""


def number(holder: Node, name: str) -> str:
    """A decimal, its digits kept; "" where the element is none."""
    return holder.text(name) if _NUMBER.match(holder.peek(name)) else ""


def whole(holder: Node, name: str) -> str:
    """A whole number; "" where the element is none."""
    return holder.text(name) if _WHOLE.match(holder.peek(name)) else ""


def token(holder: Node, name: str) -> str:
    """A code of one word; "" where the element is none."""
    return holder.text(name) if holder.peek(name) and not _SPACE.search(holder.peek(name)) else ""
