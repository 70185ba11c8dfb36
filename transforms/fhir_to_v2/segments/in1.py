"""IN1 and IN2: an insurance."""

from __future__ import annotations

from schemas.codes import system_name
from transforms.elements import IDENTIFIER_TYPE, R5
from transforms.fhir_node import EMPTY, Node
from transforms.fhir_to_v2.datatypes.addresses import xad_of
from transforms.fhir_to_v2.datatypes.authorities import system_hd, xon_of_organization
from transforms.fhir_to_v2.datatypes.codes import code_of, codes_of, cwe_of, has_code
from transforms.fhir_to_v2.datatypes.contacts import xtn_of
from transforms.fhir_to_v2.datatypes.identifiers import cx_of
from transforms.fhir_to_v2.datatypes.names import xpn_of
from transforms.fhir_to_v2.datatypes.times import dt_of, dtm_of
from transforms.fhir_to_v2.fields import field_of
from transforms.fhir_to_v2.line import Line, Part
from transforms.fhir_to_v2.run import NO_STATUS, Run
from transforms.v2_to_fhir.extensions import V2_SYSTEM
from transforms.v2_to_fhir.segments.pid import SSN

_NUMBERS = {"MC": 6, "MA": 8, "MI": 10}
_SUBSCRIBER_ID = f"{R5}Coverage.subscriberId"


def in1s_of(patient: Node, run: Run) -> None:
    """Coverage[IN1, IN2]: each insurance of the patient."""
    for coverage in run.of_type("Coverage"):
        if coverage.path in run.done or not is_insurance(coverage, run):
            continue
        if patient and coverage.has("beneficiary") and not run.refers(coverage.one("beneficiary"), patient):
            continue
        if coverage.text("status") in ("cancelled", "entered-in-error", "draft"):
            what = "this insurance does not hold, and IN1 cannot say so; it is left out"
            run.tell(NO_STATUS, f"{coverage.path}.status", what)
            continue
        in1_of(coverage, patient, run)
        in2_of(coverage, patient, run)


def in1_of(coverage: Node, patient: Node, run: Run) -> Line:
    """Coverage[IN1]."""
    in1 = run.line("IN1", coverage)
    in1.put(1, str(sum(line.name == "IN1" for line in run.lines)))
    _put_plan(in1, coverage)
    payor = run.resolve(coverage.one("payor")) if coverage.one("payor").has("reference") else EMPTY
    if payor.peek("resourceType") == "Organization":
        _put_company(in1, payor, run)
    else:
        in1.put(4, coverage.one("payor").text("display"))
    for each in coverage.all("class"):
        if has_code(each.one("type"), "group"):
            each.one("type").skip("coding")
            value, name = each.text("value"), each.text("name")
            in1.put(8, "" if value == name else value)
            in1.put(9, name)
    holder = coverage.one("policyHolder")
    group = run.resolve(holder) if holder.has("reference") else EMPTY
    if group.peek("resourceType") == "Organization":
        in1.put(11, xon_of_organization(group, run))
    period = coverage.one("period")
    in1.put(12, dt_of(period, "start", run))
    in1.put(13, dt_of(period, "end", run))
    in1.put(15, cwe_of(coverage.one("type"), run, "", "0086"))
    _put_insured(in1, coverage, patient, run)
    in1.put(22, coverage.text("order"))
    _put_numbers(in1, coverage, run)
    return in1


def in2_of(coverage: Node, patient: Node, run: Run) -> Line | None:
    """Coverage[IN2], where there is anything to say."""
    in2 = Line("IN2", coverage)
    for identifier in coverage.all("identifier"):
        kinds = codes_of(identifier.one("type"), IDENTIFIER_TYPE)
        field = _NUMBERS.get(kinds[0]) if kinds else None
        if field is not None:
            in2.put(field, identifier.text("value"))
        elif kinds and (kinds[0] != "MB" or identifier.has("system")):
            in2.put(61, cx_of(identifier, run))
    subscriber = _subscriber(coverage, run)
    if subscriber and subscriber is not patient:
        for each in subscriber.all("identifier"):
            if each.peek("system") == SSN:
                each.skip("type", "system")
                in2.put(2, each.text("value"))
        for each in subscriber.all("telecom"):
            in2.put(field_of(each, "IN2") or (64 if each.peek("use") == "work" else 63), xtn_of(each, run))
    return run.append(in2)


def is_insurance(coverage: Node, run: Run) -> bool:
    """Whether a Coverage is more than the financial class of a visit (PV1-20)."""
    if any(coverage.has(name) for name in ("identifier", "subscriberId", "class", "subscriber", "extension", "order")):
        return True
    return any(
        each.has("display") or run.resolve(each).peek("resourceType") == "Organization"
        for each in coverage.all("payor")
    )


def _put_plan(in1: Line, coverage: Node) -> None:
    """IN1-2: the plan as a class, and the codes that the way forward made identifiers of."""
    code = name = ""
    for each in coverage.all("class"):
        if has_code(each.one("type"), "plan"):
            each.one("type").skip("coding")
            code, name = each.text("value"), each.text("name")
    parts: dict[int, Part] = {}
    plans = [each for each in coverage.all("identifier") if not each.one("type").has("coding")]
    for place, identifier in zip((1, 4, 10), plans, strict=False):
        parts[place] = identifier.text("value")
        parts[place + 1] = identifier.one("type").text("text")
        system = identifier.text("system")
        parts[place + 2] = (
            system_name(system) or system_hd(system)[0] or identifier.extension(V2_SYSTEM).text("valueString")
        )
    in1.put(2, {**parts, 1: parts.get(1) or code, 2: parts.get(2) or name})


def _put_company(in1: Line, company: Node, run: Run) -> None:
    numbers = [each for each in company.all("identifier") if each.has("value")]
    marked = [each for each in numbers if field_of(each, "IN1") == 3]
    for each in marked or numbers:
        in1.put(3, cx_of(each, run))
    xon = xon_of_organization(company, run)
    if not marked:
        # Its numbers are the company's own, which IN1-3 holds.
        xon = {1: xon.get(1, "")} if xon.get(1) != in1.text(3) else {}
    in1.put(4, xon)
    in1.put(5, *(xad_of(each, run) for each in company.all("address")))
    in1.put(6, *(xpn_of(each.one("name"), run) for each in company.all("contact")))
    in1.put(7, *(xtn_of(each, run) for each in company.all("telecom")))


def _put_insured(in1: Line, coverage: Node, patient: Node, run: Run) -> None:
    in1.put(17, cwe_of(coverage.one("relationship"), run, "Relationship", "0063"))
    subscriber = _subscriber(coverage, run)
    if not subscriber:
        return
    if subscriber is patient:
        if not in1.has(17):
            in1.put(17, "SEL")
        return
    run.done.add(subscriber.path)
    subscriber.skip("relationship", "active", "patient")
    in1.put(16, *(xpn_of(each, run) for each in subscriber.all("name")))
    in1.put(18, dtm_of(subscriber, "birthDate", run))
    in1.put(19, *(xad_of(each, run) for each in subscriber.all("address")))
    in1.put(43, code_of(subscriber, "gender", run, "AdministrativeSex"))


def _put_numbers(in1: Line, coverage: Node, run: Run) -> None:
    members = [each.one("valueIdentifier") for each in coverage.extensions(_SUBSCRIBER_ID)]
    policy = next((each for each in coverage.all("identifier") if _is_member(each)), EMPTY)
    number = policy.text("value") or ("" if members else coverage.text("subscriberId"))
    coverage.text("subscriberId")
    in1.put(36, number)
    for each in members:
        is_group = codes_of(each.one("type"), IDENTIFIER_TYPE) == ["SN"] or not run.has_field("IN1", 49)
        in1.put(10 if is_group else 49, cx_of(each, run))


def _is_member(identifier: Node) -> bool:
    return not identifier.has("system") and codes_of(identifier.one("type"), IDENTIFIER_TYPE) == ["MB"]


def _subscriber(coverage: Node, run: Run) -> Node:
    subscriber = coverage.one("subscriber")
    return run.resolve(subscriber) if subscriber.has("reference") else EMPTY
