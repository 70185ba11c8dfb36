"""HL7's tables as FHIR R4 publishes them: which codes each has."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache

from schemas.codes.data import rows

_V2 = "http://terminology.hl7.org/CodeSystem/v2-"
_CDC_RACE = "urn:oid:2.16.840.1.113883.6.238"
_RACE = re.compile(r"\d{4}-\d|[RE]\d+(\.\d+)*", re.ASCII)
"""The codes of CDC's race and ethnicity: concepts with a check digit, and the hierarchy of them."""


def has_code(uri: str, code: str) -> bool:
    """Whether the code system of that URI has `code`, as far as it is known: True for all but R4's HL7 tables and race.

    Many of those tables are the sites' to fill (HL7 v2.9, 2.C), and feeds write codes of their own into all of them;
    yet a Coding may name only a system that has its code (FHIR R4, 4.2.6). FGN and PGN of table 0203, which HL7's guide
    writes, are newer than R4's copy.
    """
    if uri == _CDC_RACE:
        return _RACE.fullmatch(code) is not None
    if not uri.startswith(_V2):
        return True
    codes = _tables().get(uri[len(_V2) :])
    return codes is None or code in codes


@cache
def _tables() -> Mapping[str, frozenset[str]]:
    return {table: frozenset(codes.split("|")) for table, codes in rows("tables.csv")}
