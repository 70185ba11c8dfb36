"""The guide's conditions, read forgivingly: what a message has to hold for a row to apply."""

from __future__ import annotations

import re
from itertools import product

VALUED = "*"
"""Stands for any value."""

Need = dict[str, str]
"""What elements have to hold, by address (`OBX-2`, `CX.5`, "" for the row's own): a value, `VALUED`, or "" for none.

A value that ends in `~2` has to be there twice.
"""

_TOKEN = re.compile(r'\(|\)|,|"[^"]*"|\'[^\']*\'|[A-Za-z0-9][\w.\-]*|[=<>]+')
_ELEMENT = re.compile(r"([A-Z][A-Z0-9]{1,2})(?:[-.](\d+(?:\.\d+)?))?\Z")
_KEYWORDS = {"IF", "IS", "AND", "OR", "NOT", "IN", "VALUED", "VALUE", "EQUALS", "EQUAL", "TO", "EMPTY", "EXIST", "DOES"}
_MOST = 24


def needs(condition: str, own: str) -> list[Need]:
    """The ways to meet `condition`, written at the element `own`; one that asks nothing where it cannot be read."""
    if condition in ("", "narrative"):
        return [{}]
    tokens = [token for token in _TOKEN.findall(condition) if token.upper() not in ("IF", "IS")]
    try:
        found, rest = _either(tokens, own)
    except IndexError:
        return [{}]
    return [each for each in found[:_MOST] if each is not None] if not rest or found else [{}]


def _either(tokens: list[str], own: str) -> tuple[list[Need], list[str]]:
    found, rest = _both(tokens, own)
    while rest and rest[0].upper() == "OR":
        more, rest = _both(rest[1:], own)
        found = [*found, *more]
    return found, rest


def _both(tokens: list[str], own: str) -> tuple[list[Need], list[str]]:
    found, rest = _one(tokens, own)
    while rest and rest[0] != ")" and rest[0].upper() != "OR":
        left = len(rest)
        more, rest = _one(rest[1:] if rest[0].upper() == "AND" else rest, own)
        # a word that says nothing is passed over
        rest = rest[1:] if len(rest) == left else rest
        joined = [_joined(left, right) for left, right in product(found, more)]
        found = [each for each in joined if each is not None]
    return found, rest


def _joined(left: Need, right: Need) -> Need | None:
    both = {**left, **right}
    for name in left.keys() & right.keys():
        if left[name] == right[name]:
            continue
        if VALUED in (left[name], right[name]) and "" not in (left[name], right[name]):
            both[name] = left[name] if right[name] == VALUED else right[name]
        else:
            return None
    return both


def _one(tokens: list[str], own: str) -> tuple[list[Need], list[str]]:
    if tokens[0] == "(":
        found, rest = _either(tokens[1:], own)
        return found, rest[1:] if rest and rest[0] == ")" else rest
    name = own
    rest = tokens
    if _is_element(tokens[0]):
        name, rest = _address(tokens[0]), tokens[1:]
        # `PID-33 AND PID-34 VALUED`: the last word speaks for both
        if rest and rest[0].upper() in ("AND", "OR") and len(rest) > 1 and _is_element(rest[1]):
            more, after = _one(rest[1:], own)
            value = next(iter(more[0].values()), VALUED) if more else VALUED
            if rest[0].upper() == "OR":
                return [{name: value}, *more], after
            return [{**each, name: value} for each in more], after
    is_not = False
    while rest and rest[0].upper() in ("NOT", "DOES", "AREA"):
        is_not = is_not or rest[0].upper() == "NOT"
        rest = rest[1:]
    return _test(name, is_not, rest)


def _test(name: str, is_not: bool, rest: list[str]) -> tuple[list[Need], list[str]]:
    word = rest[0].upper() if rest else ""
    if word in ("VALUED", "VALUE", "EXIST", "VALUED."):
        if len(rest) > 2 and rest[1].upper() == "NOT" and rest[2].upper() in ("EQUAL", "EQUALS"):
            return [{name: VALUED}], rest[4:]
        return [{name: "" if is_not else VALUED}], rest[1:]
    if word == "EMPTY":
        return [{name: ""}], rest[1:]
    if word in ("LST.COUNT", "COUNT", "LENGTH"):
        return _counted(name, rest)
    if word == "IN":
        values: list[str] = []
        rest = rest[1:]
        if rest and rest[0] == "(":
            rest = rest[1:]
        while rest and rest[0] != ")":
            values += [rest[0].strip("\"'")] if rest[0] != "," else []
            rest = rest[1:]
        found: list[Need] = [{name: ""}, {name: VALUED}] if is_not else [{name: value} for value in values]
        return found, rest[1:]
    while rest and rest[0].upper() in ("EQUALS", "EQUAL", "TO", "=", "NOT"):
        is_not = is_not or rest[0].upper() == "NOT"
        rest = rest[1:]
    if rest and rest[0][0] in "\"'":
        value = rest[0].strip("\"'")
        return ([{name: ""}, {name: VALUED}] if is_not else [{name: value}]), rest[1:]
    return [{name: VALUED}], rest


def _counted(name: str, rest: list[str]) -> tuple[list[Need], list[str]]:
    at = 1
    words = ""
    while at < len(rest) and not rest[at].isdigit():
        words += rest[at].upper() + " "
        at += 1
    number = int(rest[at]) if at < len(rest) else 1
    if rest[0].upper() == "LENGTH":
        return [{name: "202603010830"}], rest[at + 1 :]
    many = ("GREATER" in words or ">" in words) and "EQUALS" not in words
    return [{name: "~2" if many and number == 1 else VALUED}], rest[at + 1 :]


def _is_element(token: str) -> bool:
    return token.upper() not in _KEYWORDS and _ELEMENT.match(token) is not None


def _address(token: str) -> str:
    """`OBX-5.1`, `CX.5`; the guide writes `HD-3` and `ORC.1` as well."""
    found = _ELEMENT.match(token)
    assert found is not None
    name, rest = found.groups()
    return f"{name}.{rest}" if rest else name
