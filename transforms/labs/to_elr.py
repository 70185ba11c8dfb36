"""The step `to_elr`."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator

from schemas.message import HL7V2, Message
from schemas.tables import CodeMapFile
from transforms.labs.elr import MISSING, Ends, Profile, Report, to_report
from transforms.labs.named import Reader
from transforms.labs.orders import Order, families, only, orders
from transforms.labs.reportable import ReportableFile, reportable
from transforms.paths import ElementPath
from transforms.registry import Provider, Registry
from transforms.step import Nothing, StepError, sets, step


def _designator(written: str) -> str:
    if written.count("^") != 2 or any(delimiter in written for delimiter in "|~\\&\r\n"):
        raise ValueError("write a name, an OID and its type: STATE^2.16.840.1.114222.4.1.1^ISO")
    return written


Designator = Annotated[str, AfterValidator(_designator)]
"""An application or facility as ELR names it (HD): `STATE DOH^2.16.840.1.114222.4.1.1^ISO`."""


@step
@sets("elr.missing")
def to_elr(
    message: Message,
    *,
    registry: Registry,
    reportable_codes: ReportableFile,
    receiving_application: Designator,
    receiving_facility: Designator,
    sending_application: Designator = "",
    sending_facility: Designator = "",
    profile: Profile = "NoAck",
    systems: CodeMapFile | None = None,
    supply: dict[ElementPath, str] | None = None,
) -> Message | Nothing:
    """Turn a result that the site has to report into a report to public health by HL7's guide (ELR 2.5.1, release 1);
    filter any other.

    Orders with a code of the list go, with their children and all their observations, and no others. What the guide
    requires and nobody knows is reported (LAB-401), and `elr.missing` names the places.

    Args:
        reportable_codes: The site's list, a CSV file: `code`, and maybe `system` (`LN`, `SCT`) and `results`, the codes
            or texts with which alone it is reported, separated by semicolons.
        receiving_application: Who gets it (MSH-5): `STATE-ELR^2.16.840.1.114222.4.1.1^ISO`.
        receiving_facility: Their organization (MSH-6).
        sending_application: Who sends it (MSH-3), instead of what the message says.
        sending_facility: Their organization (MSH-4).
        profile: Which of the guide's profiles MSH-21 names: `NoAck` or `Ack`.
        systems: The OIDs of assigning authorities: `code` is the authority's local name, `to_code` the OID.
        supply: What is put where the message says nothing: `{"OBX[*]-23.1": St. Anne's Laboratory}`.
    """
    if message.format != HL7V2:
        raise StepError(f"only HL7 v2 becomes a report, and the body is {message.format}", "put the step before")
    er7 = message.er7
    found = [each for each in families(orders(er7)) if any(reportable(order, reportable_codes) for order in each)]
    if not found:
        return Nothing("no code of it is reportable")
    chosen = [order for family in found for order in family]
    ends = Ends(sending_application, sending_facility, receiving_application, receiving_facility)
    facility = _facility(chosen[0], registry)
    made = only(er7, chosen)
    findings = to_report(made, Report(profile, ends, systems, supply or {}, facility, message.received))
    missing = " ".join(each.where for each in findings if each.code == MISSING)
    facts = {"elr.missing": missing} if missing else None
    return message.derive("to_elr", body=made.encode(), attributes=facts, findings=findings)


def _facility(order: Order, registry: Registry) -> Provider | None:
    """The directory's entry of the ordering provider's organization."""
    named = Reader(None, (), bare=False).named(order)
    for npi in (each.npi for each in named if each.role == "ordering" and each.npi):
        provider = registry.provider(npi)
        organizations = provider.organizations if provider is not None else ()
        known = next(filter(None, map(registry.provider, organizations)), None)
        if known is not None:
            return known
    return None
