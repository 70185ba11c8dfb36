"""The trigger events that speak of two identities at once, and the identifiers on either side of them.

An ordinary message belongs to one patient, account or visit; a merge, link, move or swap belongs to two. Whoever keeps
messages in order by an identifier must hold both lines for it (HL7 v2.9, chapter 3, sections 3.3.17 to 3.3.51).
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

from schemas.hl7v2.path import ALL, Path

if TYPE_CHECKING:
    from schemas.hl7v2 import Er7

TWO_SIDED_EVENTS: dict[str, str] = {
    "A06": "change an outpatient to an inpatient (MRG is optional)",
    "A07": "change an inpatient to an outpatient (MRG is optional)",
    "A17": "swap patients",
    "A18": "merge patient information",
    "A24": "link patient information",
    "A30": "merge person information",
    "A34": "merge patient information, patient ID only",
    "A35": "merge patient information, account number only",
    "A36": "merge patient information, patient ID and account number",
    "A37": "unlink patient information",
    "A39": "merge person, patient ID",
    "A40": "merge patient, patient identifier list",
    "A41": "merge account, patient account number",
    "A42": "merge visit, visit number",
    "A43": "move patient information, patient identifier list",
    "A44": "move account information, patient account number",
    "A45": "move visit information, visit number",
    "A46": "change patient ID",
    "A47": "change patient identifier list",
    "A48": "change alternate patient ID",
    "A49": "change patient account number",
    "A50": "change visit number",
    "A51": "change alternate visit ID",
}
"""Trigger event (MSH-9.2, or EVN-1 before version 2.3.1) to what it does."""

PRIOR_FIELD: dict[str, str] = {
    "PID-2": "MRG-4",
    "PID-3": "MRG-1",
    "PID-4": "MRG-2",
    "PID-5": "MRG-7",
    "PID-18": "MRG-3",
    "PV1-19": "MRG-5",
    "PV1-50": "MRG-6",
}
"""The field of an identity that stays, to the field of MRG that names the identity that goes (section 3.4.10)."""


@lru_cache(maxsize=1024)
def _places(path: str) -> tuple[str, tuple[str, ...]]:
    """Where an ordinary message carries its one key, and where a two-sided event carries all of its keys."""
    one = Path.parse(path)
    every = replace(one, occurrence=ALL, repetition=ALL)
    both = [str(every)]
    prior = PRIOR_FIELD.get(f"{one.segment}-{one.field}")
    if prior is not None:
        segment, field = prior.split("-")
        both.append(str(replace(every, segment=segment, field=int(field))))
    return str(replace(one, repetition=one.repetition or 1)), tuple(both)


def is_two_sided(er7: Er7) -> bool:
    """Whether the message's trigger event speaks of two identities: a merge, link, unlink, move, change or swap."""
    return (er7.get("MSH-9.2") or er7.get("EVN-1")) in TWO_SIDED_EVENTS


def order_keys(er7: Er7, path: str) -> tuple[str, ...]:
    """The keys whose lines a message stands in when order is kept by `path`, without repeats; `("",)` when it has none.

    An ordinary message has one key, the text at `path`, in the first repetition unless the path names another. A
    two-sided event has every value of that field and component in all segments and repetitions, and those of its
    counterpart in MRG: for `PID-3.1` also `MRG-1.1`. Raises `Hl7Error` when `path` is not one.
    """
    place, both = _places(path)
    own = er7.get(place)
    if not is_two_sided(er7):
        return (own,)
    keys = [own, *(text for place in both for text in er7.get_all(place))]
    return tuple(dict.fromkeys(filter(None, keys))) or ("",)
