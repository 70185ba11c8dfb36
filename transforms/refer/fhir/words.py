"""The words of FHIR for the acts of a referral: Task.status, and BSeR's business status beside it."""

from __future__ import annotations

from typing import NamedTuple

from transforms.refer.referral import Act

BUSINESS_STATUS = "http://hl7.org/fhir/us/bser/CodeSystem/TaskBusinessStatusCS"
TASK_CODE = "http://hl7.org/fhir/CodeSystem/task-code"
SNOMED = "http://snomed.info/sct"
LOINC = "http://loinc.org"
PATIENT_REFERRAL = "3457005"
"""What every referral is (SNOMED CT); what is asked for stands beside it."""
EVENT = "http://terminology.hl7.org/CodeSystem/v2-0003"
PROFILE = "http://hl7.org/fhir/us/bser/StructureDefinition/BSeR-Referral"
PLACER, FILLER = "PLAC", "FILL"
"""The identifier types (table 0203) of the initiator's number and the recipient's."""


class Stand(NamedTuple):
    """How a Task says an act: its status, the business status (code and display) and its code."""

    status: str
    business: str
    display: str
    code: str = "fulfill"


STANDS = {
    Act.REQUEST: Stand("requested", "2.0", "Service Request Created"),
    Act.CHANGE: Stand("requested", "2.0", "Service Request Created", "change"),
    Act.CANCEL: Stand("in-progress", "5.2", "Service Request Cancellation Requested"),
    Act.ACCEPT: Stand("accepted", "3.0", "Service Request Accepted"),
    Act.DECLINE: Stand("rejected", "4.0", "Service Request Declined"),
    Act.BOOK: Stand("in-progress", "5.1.1", "Service Request Event Scheduled"),
    Act.NO_SHOW: Stand("in-progress", "5.1.2", "Scheduled Service Request Event Unattended"),
    Act.INTERIM: Stand("in-progress", "5.1.4", "Service Request Event Completed"),
    Act.CONFIRM_CANCEL: Stand("cancelled", "6.0", "Service Request Fulfillment Cancelled"),
    Act.COMPLETE: Stand("completed", "7.0", "Service Request Fulfillment Completed"),
}
"""How an act is written; an inquiry has no word."""

BY_BUSINESS = {stand.business: act for act, stand in STANDS.items() if act is not Act.CHANGE} | {"5.4": Act.CANCEL}
"""What a business status says; 5.4 is what 5.2 was in the guide's first version."""
EVENT_CANCELLED = "5.1.3"
"""An appointment that does not take place: the referral stands where it stood."""
NOT_BOOKED = ("cancelled", "entered-in-error", "waitlist", "proposed")
"""The statuses of an Appointment that does not take place, or not yet."""

BY_STATUS = {
    "requested": Act.REQUEST,
    "accepted": Act.ACCEPT,
    "in-progress": Act.ACCEPT,
    "rejected": Act.DECLINE,
    "failed": Act.DECLINE,
    "completed": Act.COMPLETE,
    "cancelled": Act.CONFIRM_CANCEL,
}
"""What a Task's status says by itself."""

REFINED = {
    "requested": (Act.REQUEST, Act.CANCEL),
    "accepted": (Act.ACCEPT, Act.BOOK, Act.NO_SHOW, Act.INTERIM, Act.CANCEL),
    "in-progress": (Act.ACCEPT, Act.BOOK, Act.NO_SHOW, Act.INTERIM, Act.CANCEL),
    "rejected": (Act.DECLINE,),
    "failed": (Act.DECLINE,),
    "completed": (Act.COMPLETE,),
    "cancelled": (Act.CONFIRM_CANCEL, Act.CANCEL),
}
"""What a business status may say beside a status; one that contradicts it does not count."""
