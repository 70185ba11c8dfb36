"""The account of a conversion: every populated attribute and text of the document, and what became of it."""

from __future__ import annotations

from collections.abc import Iterator

from schemas.ccda import Document
from transforms.accounting import Use
from transforms.ccda_to_fhir.convert import convert_run
from transforms.ccda_to_fhir.leftovers import LEFT_OUT_ATTRIBUTES, LEFT_OUT_ELEMENTS, attributes_of
from transforms.ccda_to_fhir.node import Node
from transforms.ccda_to_fhir.options import Options
from transforms.ccda_to_fhir.run import Run


def account(document: Document, options: Options) -> list[Use]:
    """What became of every populated attribute and text of `document`, in its order.

    `targets` is the resource that the element went into; a narrative is one element.
    """
    run = convert_run(document, options)
    return list(_uses(run.root, run, "Composition"))


def _uses(node: Node, run: Run, target: str) -> Iterator[Use]:
    if node.name == "#":
        return
    if node.target is not None and run.find(node.target["id"]) is node.target:
        target = node.target["resourceType"]
    if node.name in LEFT_OUT_ELEMENTS:
        yield Use(node.where, "left out", (), LEFT_OUT_ELEMENTS[node.name])
        return
    if node.name == "text" and node.parent is not None and node.parent.name == "section":
        yield Use(node.where, "mapped", ("Composition.section.text",))
        return
    for name, value in attributes_of(node):
        if not value:
            continue
        where = f"{node.where}/@{name.rpartition('}')[2]}"
        if node.was_read(name):
            yield Use(where, "mapped", (target,))
        elif name in LEFT_OUT_ATTRIBUTES:
            yield Use(where, "left out", (), LEFT_OUT_ATTRIBUTES[name])
        else:
            yield _rest(where, run, target)
    if (node.element.text or "").strip():
        where = f"{node.where}/text()"
        yield Use(where, "mapped", (target,)) if node.was_read("text()") else _rest(where, run, target)
    for child in node.children():
        if node.is_whole:
            child.mark()
        yield from _uses(child, run, target)


def _rest(where: str, run: Run, target: str) -> Use:
    if run.options.unmapped == "keep":
        return Use(where, "kept", (f"{target}.extension(ccda-element)",))
    return Use(where, "unmapped", (), "no template reads it")
