"""ADT messages of the day as hospitals send them, about 1 KB each."""

from __future__ import annotations

from typing import NamedTuple

START, END = b"\x0b", b"\x1c\r"
"""What frames a message (MLLP)."""

_DOCTORS = ("1234567893^WELBY^MARCUS", "1987654321^CASEY^BEN", "1003000126^QUINN^MICHAELA", "1679576722^GREY^ELLIS")
_PLANS = ("MCR|1|MEDICARE PART A", "BC2|2|BLUE CROSS", "SELF|3|SELF PAY")


class Facility(NamedTuple):
    """A hospital that sends: `campuses` are what its PV1-3.4 says, `oid` is the authority of its record numbers."""

    name: str
    oid: str
    campuses: tuple[str, str]


class Told(NamedTuple):
    """What a notice tells of a visit (docs/notifications.md): a change of it is worth an update."""

    family: str
    given: str
    middle: str
    birth: str
    sex: str
    patient_class: str
    unit: str
    campus: str
    doctor: int
    admitted: str
    discharged: str = ""
    disposition: str = ""
    diagnosis: str = "R07.9^Chest pain, unspecified^I10"


class Untold(NamedTuple):
    """What a notice does not tell."""

    bed: str
    line: str
    city: str
    postal_code: str
    phone: str
    plan: int = 0
    ssn: str = ""


def message(
    trigger: str,
    control_id: str,
    at: str,
    facility: Facility,
    record: str,
    visit: str,
    told: Told,
    untold: Untold,
    before: str = "",
) -> bytes:
    """The message ADT^`trigger`, framed; `before` is where an A02 comes from (PV1-6), times are `YYYYMMDDHHMMSS`."""
    doctor, plan = _DOCTORS[told.doctor], _PLANS[untold.plan]
    code, number, title = plan.split("|")
    middle = f"^{told.middle}" if told.middle else ""
    place = place_of(told, untold)
    text = (
        f"MSH|^~\\&|ADT1|{facility.name}|HIE|REGION|{at}-0500||ADT^{trigger}^ADT_A01|{control_id}|P|2.5.1\r"
        f"EVN|{trigger}|{at}-0500|||REG^CLERK^ANY^^^^^^{facility.name}|{at}-0500|{facility.name}\r"
        f"PID|1||{record}^^^{facility.name}&{facility.oid}&ISO^MR||{told.family}^{told.given}{middle}^^^^L||{told.birth}"
        f"|{told.sex}||2106-3^White^CDCREC|{untold.line}^^{untold.city}^IL^{untold.postal_code}^USA^H||"
        f"^PRN^PH^^1^{untold.phone[:3]}^{untold.phone[3:]}||en^English^ISO639|M||{visit}^^^{facility.name}^AN"
        f"|{untold.ssn}|||2186-5^Not Hispanic^CDCREC\r"
        f"NK1|1|{told.family}^JORDAN^^^^^L|SPO^Spouse^HL70063|{untold.line}^^{untold.city}^IL^{untold.postal_code}\r"
    )
    if visit:
        text += (
            f"PV1|1|{told.patient_class}|{place}|E||{before}|{doctor}^^^DR^^^NPI|||MED||||1|||{doctor}^^^DR^^^NPI|"
            f"IN|{visit}^^^{facility.name}^VN|{code}||||||||||||||||{told.disposition}|||{facility.name}|||||"
            f"{told.admitted}-0500|{told.discharged and told.discharged + '-0500'}\r"
            f"PV2|||{told.diagnosis}\r"
            f"AL1|1|DA|7980^Penicillin G^RXNORM|MO|Hives\r"
            f"DG1|1||{told.diagnosis}||{told.admitted}-0500|A\r"
        )
    text += f"IN1|1|{code}|{number}|{title}|PO BOX 1^^BALTIMORE^MD^21201\r"
    return START + text.encode() + END


def place_of(told: Told, untold: Untold) -> str:
    """The location (PL) of a patient."""
    return f"{told.unit}^{untold.bed}^A^{told.campus}"
