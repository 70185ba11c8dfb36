"""The rules of C-CDA R2.1's templates, as data: what each template asks of its element, by the guide's own numbers.

`rules.csv` has a row for each: the template (`root`, or `root:extension` where that version alone asks it), the element
that keeps it, the `place` within that element (`""` is the element itself), the guide's CONF number and what `must` be:

    one X, some X, no X          as many X as that (exactly one, at least one, none)
    P has one X                  a P that holds so many X
    if A then ...                asked only where there is an A
    section T                    the body holds exactly one section of template T
    entries E/T ...              an entry of one of these templates, or a nullFlavor and no entry
    as T                         all that template T asks
    anything else                a test in XPath 1.0

Names are CDA's, without a prefix; `templateId{T}` is the identifier of template T, `set(V)` the codes of
`rule_sets.csv`. A template without rows of its own is one of others' (addresses and names of the US realm).
"""

from __future__ import annotations

import csv
import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

from lxml import etree

from schemas.ccda.namespaces import SDTC, V3, XSI

_NAMESPACES = {"v": V3, "sdtc": SDTC, "xsi": XSI}
_COUNTS = {"one": "=1", "some": ">0", "no": "=0"}
_TEMPLATE = re.compile(r"templateId\{([\d.]+)(?::([^}]+))?\}")
_IN_SET = re.compile(r"@(\w+)\s*=\s*set\(([\d.]+)\)")
_QUOTED = re.compile(r"('[^']*')")
_NAME = re.compile(r"(?<![\w@:$.-])(?!(?:and|or|not|div|mod)\b)([A-Za-z_][\w-]*)(?![\w-]*\s*[(:])")
_HAS = re.compile(r"(.*) has (one|some|no) (.*)\Z")
_IF = re.compile(r"if (.*) then (.*)\Z")


@dataclass(frozen=True)
class Rule:
    """One thing that a template asks: the guide's number and what must be, as `rules.csv` writes it."""

    conf: str
    must: str

    @cached_property
    def holds(self) -> etree.XPath:
        """The test that is true of an element that keeps the rule."""
        return etree.XPath(f"boolean({self.test})", namespaces=_NAMESPACES)

    @property
    def test(self) -> str:
        """The rule in XPath, with prefixes."""
        return _prefixed(_test(self.must))

    def __str__(self) -> str:
        """What is asked, in words."""
        return _words(self.must)


@dataclass(frozen=True)
class Group:
    """What one template asks at one place of its element."""

    template: str
    element: str
    place: str
    rules: tuple[Rule, ...]

    @cached_property
    def at(self) -> etree.XPath | None:
        """What finds the place from the element; None where it is the element itself."""
        return etree.XPath(_prefixed(self.place), namespaces=_NAMESPACES) if self.place else None

    @cached_property
    def all_hold(self) -> etree.XPath:
        """The test that is true where every rule of the group is kept."""
        return etree.XPath(" and ".join(f"({rule.test})" for rule in self.rules) or "true()", namespaces=_NAMESPACES)


@cache
def groups() -> Mapping[str, tuple[Group, ...]]:
    """What each template asks, by `root` or `root:extension`."""
    written: dict[str, dict[tuple[str, str], list[Rule]]] = defaultdict(lambda: defaultdict(list))
    for template, element, place, conf, must in _rows("rules.csv"):
        written[template][element, place].append(Rule(conf, must))

    def asked(rules: list[Rule]) -> list[Rule]:
        found: list[Rule] = []
        for rule in rules:
            if not rule.must.startswith("as "):
                found.append(rule)
                continue
            # What keeps a template by way of another need not name it.
            other = rule.must.removeprefix("as ")
            own = next(each for (_, place), each in written[other].items() if not place)
            found += [each for each in asked(own) if each.must != f"one templateId{{{other}}}"]
        return list(dict.fromkeys(found))

    return {
        template: tuple(
            Group(template, element, place, tuple(asked(rules)))
            for (element, place), rules in places.items()
            if element
        )
        for template, places in written.items()
    }


@cache
def twins() -> tuple[frozenset[str], frozenset[str]]:
    """The templates of R2.1 that R1.1 had too, and those of documents (CONF 1198-32934 to 32946).

    In such a document, an element with one of the first must have its identifier without extension as well.
    """
    rows = _rows("rule_twins.csv")
    return frozenset(each for each, twin, _ in rows if twin == "yes"), frozenset(
        each for each, _, document in rows if document == "yes"
    )


@cache
def _sets() -> Mapping[str, str]:
    return dict(_rows("rule_sets.csv"))


def _rows(name: str) -> list[list[str]]:
    with Path(__file__).with_name(name).open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))[1:]


def _test(must: str) -> str:
    """`must` as a test in XPath, names without prefixes."""
    word, _, rest = must.partition(" ")
    if word in _COUNTS:
        return f"count({rest}){_COUNTS[word]}"
    if word == "section":
        return f"component/structuredBody[count(component[count(section[templateId{{{rest}}}])=1])=1]"
    if word == "entries":
        kept = " or ".join("entry/{}[templateId{{{}}}]".format(*each.split("/")) for each in rest.split())
        return f"(@nullFlavor or {kept}) and not(@nullFlavor and entry)"
    found = _IF.match(must)
    if found is not None:
        return f"not({found[1]}) or {_test(found[2])}"
    found = _HAS.match(must)
    return f"{found[1]}[count({found[3]}){_COUNTS[found[2]]}]" if found is not None else must


def _prefixed(test: str) -> str:
    test = _TEMPLATE.sub(_template_test, test)
    test = _IN_SET.sub(lambda m: f"contains(' {_sets()[m[2]]} ', concat(' ', @{m[1]}, ' '))", test)
    parts = _QUOTED.split(test)
    return "".join(each if each.startswith("'") else _NAME.sub(r"v:\1", each) for each in parts)


def _template_test(found: re.Match[str]) -> str:
    extension = f"[@extension='{found[2]}']" if found[2] else ""
    return f"templateId[@root='{found[1]}']{extension}"


def _words(must: str) -> str:
    word, _, rest = must.partition(" ")
    if word in _COUNTS:
        return {"one": f"exactly one {rest}", "some": f"at least one {rest}", "no": f"no {rest}"}[word] + " is wanted"
    if word == "section":
        return f"exactly one section of template {rest} is wanted"
    if word == "entries":
        return f"an entry of {rest.replace(' ', ' or ')}, or nullFlavor and no entry, is wanted"
    found = _IF.match(must)
    if found is not None:
        return f"where there is {found[1]}: {_words(found[2])}"
    found = _HAS.match(must)
    if found is not None:
        return f"{found[1]}: {_words(f'{found[2]} {found[3]}')}"
    return f"{must} is wanted"
