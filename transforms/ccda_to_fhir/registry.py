"""Which function reads an entry: by its template, by its section, by its code, else by its class."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache

from schemas.fhir import Resource
from schemas.finding import Severity
from transforms.ccda_to_fhir.extensions import RELATED
from transforms.ccda_to_fhir.narrative import entry_narrative, joined
from transforms.ccda_to_fhir.node import Node
from transforms.ccda_to_fhir.provenance import put_authors
from transforms.ccda_to_fhir.run import NO_TEMPLATE, Run
from transforms.ccda_to_fhir.statement import is_denied, mood_of
from transforms.elements import add_extension, extension

Template = Callable[[Node, Run], list[Resource]]
"""Takes an entry into the run; the resources that the section's entries refer to."""

ENTRY_REFERENCE = "2.16.840.1.113883.10.20.22.4.122"
STATEMENTS = (
    "act",
    "encounter",
    "observation",
    "observationMedia",
    "organizer",
    "procedure",
    "regionOfInterest",
    "substanceAdministration",
    "supply",
)


@dataclass(frozen=True, slots=True)
class _Registry:
    by_root: dict[str, Template] = field(default_factory=dict)
    general: dict[str, Template] = field(default_factory=dict)
    by_section: dict[tuple[str, str], Template] = field(default_factory=dict)
    by_code: dict[tuple[str, str], Template] = field(default_factory=dict)
    by_class: dict[str, Template] = field(default_factory=dict)
    by_mood: dict[str, Template] = field(default_factory=dict)
    of_any_mood: set[Template] = field(default_factory=set)


_REGISTRY = _Registry()


def template(
    *roots: str,
    general: bool = False,
    sections: Iterable[tuple[str, str]] = (),
    codes: Iterable[tuple[str, str]] = (),
    carries: Iterable[str] = (),
    moods: Iterable[str] = (),
    any_mood: bool = False,
) -> Callable[[Template], Template]:
    """Mark a function as what reads the templates with these roots, of any extension.

    `general` is for a template that others specialize: theirs come first, whatever the order in the document. Where no
    template is known, `sections` (LOINC code of the section, element), then `codes` (code, element), then `carries`
    (elements) choose the function. It reads what has happened: what has not goes to the function that has its mood in
    `moods`, unless that of its template is one of `any_mood`, which sees to that itself.
    """

    def register(function: Template) -> Template:
        for root in roots:
            (_REGISTRY.general if general else _REGISTRY.by_root)[root] = function
        _REGISTRY.by_section.update(dict.fromkeys(sections, function))
        _REGISTRY.by_code.update(dict.fromkeys(codes, function))
        _REGISTRY.by_class.update(dict.fromkeys(carries, function))
        _REGISTRY.by_mood.update(dict.fromkeys(moods, function))
        if any_mood:
            _REGISTRY.of_any_mood.add(function)
        return function

    return register


def read_entry(statement: Node, run: Run) -> list[Resource]:
    """The resources that an entry becomes, each whole; what is said within it and its template leaves, as their own.

    A template that fails gives way to the one of the entry's class; nothing is dropped without a finding.
    """
    found: list[Resource] | None = None
    function, is_known = _choose(statement, run)
    function = _of_mood(statement, function)
    if function is not None:
        found = run.guard(function, statement, statement, run)
    by_class = _of_mood(statement, _registry().by_class.get(statement.name))
    if found is None:
        statement.release()
    statement.is_entry = True
    if found is None and by_class is not None and by_class is not function:
        found = run.guard(by_class, statement, statement, run)
    if not is_known:
        what = "no template is known for this entry; it is carried by its class"
        run.tell(NO_TEMPLATE, statement.where, what, "", Severity.INFORMATION)
    made = found or []
    if made and statement.target is None:
        statement.target = made[0]
    if made:
        _gather(statement, made[0], run)
    _read_rest(statement, run, made)
    return made


def by_code(statement: Node) -> Template | None:
    """The function for entries with the code of `statement`, None where there is none."""
    code = statement.get("code")
    found = _registry().by_code.get((code.peek("code") if code is not None else "", statement.name))
    return _of_mood(statement, found) if found is not None else None


def statements(node: Node, relation: str) -> Iterator[tuple[Node, Node]]:
    """Each `relation` (entry, entryRelationship, component) of `node`, with the statement that it holds."""
    for each in node.all(relation):
        for child in each.children():
            if child.name in STATEMENTS:
                yield each, child


def _choose(statement: Node, run: Run) -> tuple[Template | None, bool]:
    """The function for an entry, and whether something in the entry itself or its section chose it."""
    registry = _registry()
    for table in (registry.by_root, registry.general):
        for root in statement.template_ids:
            if root in table:
                return table[root], True
    is_inner = statement.parent is None or statement.parent.name != "entry"
    if not is_inner:
        chosen = registry.by_section.get((run.section_code, statement.name))
        if chosen is not None:
            return chosen, True
    chosen = by_code(statement)
    if chosen is not None:
        return chosen, True
    return registry.by_class.get(statement.name), False


def _of_mood(statement: Node, function: Template | None) -> Template | None:
    """`function`, unless it reads what has happened and `statement` has not."""
    registry = _registry()
    return function if function in registry.of_any_mood else registry.by_mood.get(mood_of(statement), function)


def carry(statement: Node, run: Run) -> list[Resource]:
    """The resources that an entry becomes by its class alone, whichever template it says that it keeps."""
    function = _registry().by_class.get(statement.name)
    return function(statement, run) if function is not None else []


def _read_rest(statement: Node, run: Run, made: list[Resource]) -> None:
    """Read what is within an entry and was not taken: as resources that those of the entry refer to."""
    for relation in ("entryRelationship", "component"):
        for _, inner in statements(statement, relation):
            if inner.keeps(ENTRY_REFERENCE) and made and not is_denied(inner):
                _refer(made[0], inner, run)
            elif inner.target is None:
                for each in read_entry(inner, run):
                    owner = made[0] if made else None
                    if owner is not None and owner is not each:
                        _relate(owner, each, run)
            elif not inner.is_entry:
                _gather(inner, inner.target, run)
                _read_rest(inner, run, [inner.target])


def _gather(statement: Node, resource: Resource, run: Run) -> None:
    """Put the text and the authors of a statement that went into `resource` with it, where its template left them."""
    text = statement.get("text")
    if text is not None and not text.is_touched:
        whole = joined(resource.get("text"), entry_narrative(text, run))
        if whole is not None:
            resource["text"] = whole
    if any(not each.is_touched for each in statement.all("author")):
        put_authors(resource, statement, run, "", "")


def _refer(owner: Resource, reference: Node, run: Run) -> None:
    """Have `owner` refer to the entry that an Entry Reference names by its identifier, wherever that stands."""

    def resolve() -> None:
        other = run.known_by(reference)
        if other is not None and other is not owner:
            reference.mark()
            _relate(owner, other, run)

    reference.target = owner
    run.later(resolve)


def _relate(owner: Resource, other: Resource, run: Run) -> None:
    reference = run.refer(other)
    related = extension(RELATED, "valueReference", reference)
    if related not in owner.get("extension", ()):
        add_extension(owner, related)


@cache
def _registry() -> _Registry:
    """The registry, once every module of the folder `templates` has registered its functions."""
    package = importlib.import_module("transforms.ccda_to_fhir.templates")
    for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        importlib.import_module(module.name)
    return _REGISTRY
