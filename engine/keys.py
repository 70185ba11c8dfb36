"""What a message can be found by: its type, its control id, its patients; of a batch, those of every message in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from engine.journal import NO_KEYS, Keys
from engine.journal.tables import CONTROL_ID, PATIENT_ID, TYPE
from schemas.fhir.keys import control_id, patient_id, type_of
from schemas.hl7v2 import Er7, Hl7Error, split_batch
from schemas.hl7v2.batch import may_hold_several
from schemas.message import FHIR, HL7V2, Message

MOST_MEMBERS = 10_000
"""How many messages of a batch are looked at."""

_MOST_NAMED = 1_000  # patients of one message

Terms = tuple[tuple[str, str], ...]


def received_keys(message: Message, paths: Mapping[str, str]) -> Keys:
    """The keys of a message as it came in; `paths` are the site's own search names. Raises `Hl7Error`, `FhirError`.

    An ordinary message has one patient, by the first identifier in PID-3. One that names several (a merge, a link, a
    swap) is found by every identifier in PID-3 and MRG-1, and a batch by what each of its messages is found by.
    """
    if message.format == FHIR:
        resource = message.fhir
        return Keys(type_of(resource), control_id(resource), patient_id(resource), _own_terms(message, paths))
    if message.format != HL7V2:
        return Keys(terms=_own_terms(message, paths))
    er7 = message.er7
    first = _keys(er7, message.body)
    terms = (*first.terms, *_own_terms(message, paths)) if paths else first.terms
    if may_hold_several(message.body):
        terms = tuple(dict.fromkeys((*terms, *_of_members(message, first, paths))))
    return first if terms is first.terms else first._replace(terms=terms)


def made_keys(made: Message, root: Message) -> Keys:
    """The keys of a message that a channel's steps made of `root` where it is a message of its own: one of a
    batch, or by its control id or type another than `root`. No keys where it is the same message still."""
    if made.format != HL7V2:
        return NO_KEYS
    if _name(made.body) == _name(root.body) and not may_hold_several(root.body):
        return NO_KEYS
    try:
        keys = _keys(made.er7, made.body)
    except Hl7Error:
        return NO_KEYS
    return keys._replace(terms=(*_named(keys), *keys.terms))


def _name(body: bytes) -> list[bytes]:
    """MSH-9 and MSH-10 as they stand there; without a parser, since every message that a step changed is asked."""
    return body[:2048].split(body[3:4] or b"|", 10)[8:10]


def _keys(er7: Er7, body: bytes) -> Keys:
    kind, event = er7.get("MSH-9.1"), er7.get("MSH-9.2")
    patient = er7.get("PID-3.1")
    others = _other_patients(er7, patient) if b"MRG" in body or body.count(b"PID") != 1 else ()
    return Keys(f"{kind}^{event}" if event else kind, er7.get("MSH-10"), patient, others)


def _other_patients(er7: Er7, first: str) -> Terms:
    if "MRG" not in (names := [segment.name for segment in er7.segments]) and names.count("PID") < 2:
        return ()
    found = dict.fromkeys((*er7.get_all("PID[*]-3[*].1"), *er7.get_all("MRG[*]-1[*].1")))
    return tuple((PATIENT_ID, value) for value in found if value != first)[:_MOST_NAMED]


def _named(keys: Keys) -> Iterator[tuple[str, str]]:
    for name, value in ((TYPE, keys.type), (CONTROL_ID, keys.control_id), (PATIENT_ID, keys.patient_id)):
        if value:
            yield name, value


def _of_members(message: Message, first: Keys, paths: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    own = set(_named(first))
    for member in split_batch(message.body).messages[:MOST_MEMBERS]:
        try:
            part = message.derive("member", body=member.body)
            keys = _keys(part.er7, part.body)
        except Hl7Error:
            continue
        yield from (term for term in _named(keys) if term not in own)
        yield from keys.terms
        yield from _own_terms(part, paths)


def _own_terms(message: Message, paths: Mapping[str, str]) -> Terms:
    return tuple((name, value) for name, path in paths.items() for value in dict.fromkeys(message.get_all(path)))
