"""What the receiver's version lacks: left out, and reported; never written where the version has something else."""

from __future__ import annotations

from collections.abc import Mapping

from schemas.hl7v2.structure_tables import Element
from schemas.hl7v2.structure_tables import Node as Structure
from transforms.fhir_to_v2.line import Encoded, Line
from transforms.fhir_to_v2.run import NOT_IN_VERSION, Run

_VARIES = ("varies", "Varies", "VARIES", "var", "WD")
_CODES = ("IS", "ID")
"""Codes of a table: how they are shown is no part of the message, unless its sender made it one."""
_HINT = "send a later version, if the receiver takes one"


def fit(run: Run) -> None:
    """Take the segments, fields and components out of the message that its version does not have."""
    kept: list[Line] = []
    for line in run.lines:
        fields = run.tables.fields(line.name)
        if fields is None and not line.name.startswith("Z"):
            run.tell(NOT_IN_VERSION, line.name, f"version {run.version} has no such segment; it is left out", _HINT)
            continue
        if fields is not None:
            _fit_fields(line, fields, run)
        kept.append(line)
    run.lines = kept


def names_in(structure: Structure) -> list[str]:
    """The names of the segments of a structure, in its order."""
    found: list[str] = []
    for child in structure.children:
        found += names_in(child) if child.is_group else [child.name]
    return list(dict.fromkeys(found))


def _fit_fields(line: Line, fields: Mapping[int, Element], run: Run) -> None:
    for number in list(line.fields):
        element = fields.get(number)
        where = f"{line.name}-{number}"
        if element is None or element.withdrawn:
            del line.fields[number]
            run.tell(NOT_IN_VERSION, where, f"version {run.version} has no such field; it is left out", _HINT)
        elif element.datatype not in _VARIES and not (run.is_ours and element.datatype in _CODES):
            _fit_components(line, number, element.datatype, run)


def _fit_components(line: Line, number: int, datatype: str, run: Run) -> None:
    # National guides (ELR, immunizations) write a CWE where their version has a CE: the codes' versions and the text.
    components = run.tables.components("CWE" if datatype == "CE" and not run.before(2, 5) else datatype)
    for repetition in line.fields[number]:
        if isinstance(repetition, Encoded):
            continue
        for place in list(repetition):
            if isinstance(repetition[place], Encoded):
                continue  # its sender wrote it there
            absent = place > max(len(components), 1) or (components and components[place - 1].withdrawn)
            if absent and repetition[place] and datatype not in _CODES:
                where = f"{line.name}-{number}.{place}"
                what = f"version {run.version} has no such component of {datatype}; it is left out"
                run.tell(NOT_IN_VERSION, where, what, _HINT)
            if absent:
                del repetition[place]
