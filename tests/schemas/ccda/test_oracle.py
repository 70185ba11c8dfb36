"""The validation of documents beside HL7's own schema and Schematron, on the open corpus, where both are there."""

from __future__ import annotations

import importlib.util
import os
import re
from collections import Counter
from pathlib import Path
from types import ModuleType
from typing import Any

from schemas.ccda import CcdaError, Document
from schemas.ccda.structure import schema
from schemas.ccda.validate import MANY, RULE, TWIN, validate
from tests.corpus.ccda.inputs import ROOT, corpus

ORACLE = Path(os.environ.get("HIE_CCDA_VALIDATORS") or ROOT.parent / "shared" / "validators" / "ccda")
_LINE = re.compile(r"\(line (\d+)\)")
_CONF = re.compile(r"CONF:(\d+-\d+)")
_TWIN = "1198-32934"
EVERY = 8
"""One document of so many is compared: all of them take minutes."""


def _module(name: str) -> ModuleType | None:
    file = ORACLE / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, file) if file.exists() else None
    if spec is None or spec.loader is None:
        return None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _documents() -> list[tuple[str, Document]]:
    found = []
    for each in corpus()[::EVERY]:
        try:
            found.append((each.name, Document.parse(each.body)))
        except CcdaError:
            continue
    return found


def test_structure_agrees_with_the_schema(record_property: Any) -> None:
    module = _module("xsd_validate")
    documents = _documents() if module is not None else []
    record_property("documents", len(documents))
    for name, document in documents:
        assert module is not None
        theirs = module.schema()
        assert schema().validate(document.root) == theirs.validate(document.root), name
        lines = [each.line for each in theirs.error_log]
        assert [each.line for each in schema().error_log] == lines, name


def test_rules_agree_with_the_schematron(record_property: Any) -> None:
    """By line and CONF number. What its test of R1.1 twins says more stands in documents of no version, which it takes
    for those of R2.1 by the beginning of their templateId."""
    module = _module("schematron_eval")
    documents = _documents() if module is not None else []
    record_property("documents", len(documents))
    oracle = module.Sch("CCDA-R2.1") if module is not None else None
    for name, document in documents:
        assert oracle is not None
        theirs: Counter[tuple[int, str]] = Counter()
        for number, text, _, line in oracle.run(document.root.getroottree())[0]:
            conf = _CONF.search(text)
            theirs[line, conf[1] if conf is not None else str(number)] += 1
        findings = validate(document)
        if any(each.code == MANY for each in findings):
            continue
        ours: Counter[tuple[int, str]] = Counter()
        for each in findings:
            line, conf = _LINE.search(each.where), _CONF.search(each.hint)
            if each.code == RULE and line is not None and conf is not None:
                ours[int(line[1]), conf[1]] += 1
        assert +(ours - theirs) == Counter(), name
        left = Counter({each: count for each, count in (theirs - ours).items() if each[1] != _TWIN and "-" in each[1]})
        assert left == Counter(), name
        twins = sum(each.code == TWIN for each in findings)
        assert twins in (sum(count for each, count in theirs.items() if each[1] == _TWIN), 0), name
