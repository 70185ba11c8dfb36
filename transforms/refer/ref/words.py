"""The words of REF and RRI for the acts of a referral (docs/decisions/ref-answers.md says which are our reading)."""

from __future__ import annotations

from transforms.refer.referral import Act, Coded

STATUS = "http://terminology.hl7.org/CodeSystem/v2-0283"
ACCEPTED, PENDING, REJECTED, EXPIRED = "A", "P", "R", "E"
"""Table 0283, the status of a referral (RF1-1)."""
STATUS_NAMES = {ACCEPTED: "Accepted", PENDING: "Pending", REJECTED: "Rejected"}

REQUESTS = {"I12": Act.REQUEST, "I13": Act.CHANGE, "I14": Act.CANCEL, "I15": Act.INQUIRE}
"""What a REF says by its trigger event."""
EVENTS = {act: event for event, act in REQUESTS.items()} | {Act.CONFIRM_CANCEL: "I14"}
"""The trigger event of an act; every other answer is one to I12."""

NOTE = Coded("34109-9", "http://loinc.org", "Note")
"""OBR-4 of a document of which no type is known."""

FINAL, PRELIMINARY, RECEIVED = "F", "P", "O"
RESULTS = {"F": Act.COMPLETE, "C": Act.COMPLETE, "P": Act.INTERIM, "A": Act.INTERIM, "R": Act.INTERIM}
"""What the status of what is sent with an acceptance says (OBR-25, table 0123)."""

BOOKED, NO_SHOW = "Booked", "Noshow"
"""Table 0278, in PV2-24: what became of the visit that PV2-8 announces."""
