"""HL7's own schema and Schematron, where they are: documents that we write are held against them.

They do not ship: `HIE_CCDA_VALIDATORS`, or `../shared/validators/ccda` beside the checkout.
"""

from __future__ import annotations

import importlib.util
import os
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from lxml import etree

FOLDER = Path(
    os.environ.get("HIE_CCDA_VALIDATORS") or Path(__file__).resolve().parents[4] / "shared" / "validators" / "ccda"
)


def is_there() -> bool:
    """Whether the validators are there."""
    return (FOLDER / "schematron_eval.py").is_file()


def faults(document: bytes) -> list[str]:
    """What the schema and the Schematron of C-CDA R2.1 say against a document; empty where they are not there."""
    if not is_there():
        return []
    schema, rules = _loaded()
    tree = etree.ElementTree(etree.fromstring(document, etree.XMLParser(huge_tree=True)))
    schema.validate(tree)
    found = [f"schema line {each.line}: {each.message}" for each in schema.error_log]
    return found + [f"{rule} at {place}: {said}" for rule, said, place, _ in rules.run(tree)[0]]


@cache
def _loaded() -> tuple[Any, Any]:
    return _module("xsd_validate").schema(), _module("schematron_eval").Sch("CCDA-R2.1")


def _module(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
