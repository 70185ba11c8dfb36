"""Plausible values: what a field or component of a data type holds in a message that tests a row of the guide."""

from __future__ import annotations

from functools import cache

from transforms.v2_to_fhir.guide import Row, rows

_PLAIN = {
    "DT": "20260301",
    "DTM": "20260301083000+0100",
    "FT": "Some text",
    "GTS": "Q4H",
    "ID": "Y",
    "IS": "X1",
    "NM": "7",
    "SI": "1",
    "ST": "Text",
    "TM": "083000+0100",
    "TS": "20260301083000+0100",
    "TX": "Some text",
}
_PARTS = {
    "AD": ["1 Long Lane", "Flat 2", "Ely", "CA", "93500", "USA"],
    "CCD": ["D", "20260301083000+0100"],
    "CE": ["C1", "Code one", "L", "A1", "Alternate", "99X"],
    "CF": ["C1", "Code one", "L", "A1", "Alternate", "99X", "1", "2", "Original"],
    "CNE": ["C1", "Code one", "L", "A1", "Alternate", "99X", "1", "2", "Original"],
    "CNN": ["P77", "Gaiwan", "Ottoline", "Mae", "Jr", "Dr", "MD", "L", "NS", "2.16.840.1.113883.19.4", "ISO"],
    "CP": ["7&USD", "AP"],
    "CQ": ["7", "mg^milligram^UCUM"],
    "CWE": ["C1", "Code one", "L", "A1", "Alternate", "99X", "1", "2", "Original", "B1", "Second", "99Y", "3"],
    "CX": [
        "K42",
        "5",
        "M11",
        "NS&2.16.840.1.113883.19.4&ISO",
        "MR",
        "FAC&2.16.840.1.113883.19.5&ISO",
        "20200101",
        "20300101",
        "CNTY",
        "DEPT",
    ],
    "DLD": ["01", "20260301083000+0100"],
    "DLN": ["L123", "CA", "20300101"],
    "DR": ["20260301083000+0100", "20260302083000+0100"],
    "ED": ["APP", "TEXT", "plain", "Base64", "SGVsbG8="],
    "EI": ["E77", "NS", "2.16.840.1.113883.19.4", "ISO"],
    "EIP": ["P77&NS&2.16.840.1.113883.19.4&ISO", "F77&NT&2.16.840.1.113883.19.5&ISO"],
    "FC": ["A", "20260301"],
    "FN": ["Okonjo-Vale", "van", "Okonjo", "de", "Vale"],
    "HD": ["NS", "2.16.840.1.113883.19.4", "ISO"],
    "JCC": ["J1", "C2", "Text"],
    "MO": ["7", "USD"],
    "MOC": ["7&USD", "C1"],
    "MSG": ["ADT", "A01", "ADT_A01"],
    "NA": ["1", "2", "3", "4"],
    "NDL": [
        "P77&Gaiwan&Ottoline&Mae&Jr&Dr&MD&L&NS&2.16.840.1.113883.19.4&ISO",
        "20260301083000+0100",
        "20260302083000+0100",
        "W1",
        "R2",
        "B3",
        "F&2.16.840.1.113883.19.4&ISO",
        "A",
        "D",
        "BLD",
        "4",
    ],
    "NR": ["3", "7"],
    "OCD": ["01", "20260301"],
    "OG": ["1", "2", "3", "a"],
    "OSD": ["1", "2"],
    "PL": [
        "W1",
        "R2",
        "B3",
        "FAC&2.16.840.1.113883.19.4&ISO",
        "A",
        "N",
        "BLD",
        "4",
        "By the lift",
        "E9&NS&2.16.840.1.113883.19.4&ISO",
        "NX&2.16.840.1.113883.19.5&ISO",
    ],
    "PLN": ["L77", "UPIN", "CA", "20300101"],
    "PPN": ["P77", "Gaiwan", "Ottoline"],
    "PT": ["P", "A"],
    "RI": ["Q4H", "0830,2030"],
    "RP": ["doc/7", "STORE&2.16.840.1.113883.19.4&ISO", "TEXT", "plain"],
    "RPT": ["Q4H", "DW", "2", "3", "4", "h", "W", "EV", "5", "min", "h"],
    "SAD": ["1 Long Lane", "Long Lane", "1"],
    "SN": [">", "7", "-", "9"],
    "SPS": ["BLD", "ADD", "Text", "LA", "RT", "COLL", "ROLE"],
    "TQ": [
        "7&mg",
        "Q4H&0830",
        "X7",
        "20260301083000+0100",
        "20260302083000+0100",
        "R",
        "Text",
        "Text",
        "S",
        "",
        "",
        "3",
    ],
    "VID": ["2.5.1", "USA", "1"],
    "VR": ["3", "7"],
    "XAD": [
        "1 Long Lane&Long Lane&1",
        "Flat 2",
        "Ely",
        "CA",
        "93500",
        "USA",
        "H",
        "Region",
        "C77",
        "T88",
        "A",
        "20200101&20300101",
        "20200101",
        "20300101",
        "",
        "",
        "",
        "",
        "Care of",
    ],
    "XCN": [
        "P77",
        "Gaiwan&van&Gaiwan&de&Vale",
        "Ottoline",
        "Mae",
        "Jr",
        "Dr",
        "MD",
        "SRC",
        "NS&2.16.840.1.113883.19.4&ISO",
        "L",
        "5",
        "M11",
        "NPI",
        "FAC&2.16.840.1.113883.19.5&ISO",
        "A",
        "CTX",
        "20200101&20300101",
        "F",
        "20200101",
        "20300101",
        "PhD",
        "CNTY",
        "DEPT",
    ],
    "XON": [
        "Acme Lab",
        "L",
        "O77",
        "5",
        "M11",
        "NS&2.16.840.1.113883.19.4&ISO",
        "XX",
        "FAC&2.16.840.1.113883.19.5&ISO",
        "A",
        "O88",
    ],
    "XPN": [
        "Okonjo-Vale&van&Okonjo&de&Vale",
        "Thessaly",
        "Marguerite",
        "Jr",
        "Ms",
        "MD",
        "L",
        "A",
        "CTX",
        "20200101&20300101",
        "F",
        "20200101",
        "20300101",
        "PhD",
        "Tess",
    ],
    "XTN": [
        "+1 555 0100",
        "PRN",
        "PH",
        "a@example.org",
        "1",
        "555",
        "0100",
        "9",
        "Home",
        "7",
        "8",
        "+15550100",
        "20200101",
        "20300101",
        "REASON",
        "PROT",
        "SHA",
        "2",
    ],
}


def value(v2_type: str, example: str = "") -> str:
    """The encoded text of a field of that type; its first part is `example` where there is one."""
    kind = v2_type.strip().upper()
    parts = _PARTS.get(kind)
    if parts is None:
        return example or _PLAIN.get(kind, "Text")
    return "^".join([example, *parts[1:]] if example else parts)


def component(data_type: str, number: int, v2_type: str, example: str = "") -> str:
    """The encoded text of one component."""
    if example:
        return example
    parts = _PARTS.get(data_type.upper(), [])
    if number <= len(parts) and parts[number - 1]:
        return parts[number - 1].replace("^", "&")
    return value(v2_type).replace("^", "&")


@cache
def types(kind: str, source: str) -> dict[int, tuple[str, str]]:
    """The type and an example of each field of a segment (`kind` segment) or component of a data type."""
    found: dict[int, tuple[str, str]] = {}
    for row in rows():
        if row.kind == kind and row.source == source:
            number = number_of(row)
            held = found.get(number)
            if number and (held is None or (row.example and not held[1])):
                found[number] = (row.v2_type, row.example)
    return found


def number_of(row: Row) -> int:
    """The number of the field or component that a row reads, 0 where it reads none."""
    text = row.identifier.replace("-", ".").partition(".")[2].partition(".")[0]
    return int(text) if text.isdigit() else 0
