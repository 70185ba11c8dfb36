"""FT1: a financial transaction: our own map; a charge is a ChargeItem, anything else is kept as what it is."""

from __future__ import annotations

from schemas.fhir import Element, Resource
from transforms.elements import OWN, add_extension, append, extension, put, unknown_concept
from transforms.v2_to_fhir.datatypes.codes import cne_codeable_concept, cwe_codeable_concept
from transforms.v2_to_fhir.datatypes.entities import cwe_organization
from transforms.v2_to_fhir.datatypes.identifiers import cx_identifier, ei_identifier, owned_key
from transforms.v2_to_fhir.datatypes.people import xcn_practitioner
from transforms.v2_to_fhir.datatypes.times import period, put_date_time, put_field_time
from transforms.v2_to_fhir.elements import append_each, decimal, put_first
from transforms.v2_to_fhir.run import Run
from transforms.v2_to_fhir.source import SourceSegment

CHARGE = "CG"
TRANSACTION_TYPE = "http://terminology.hl7.org/CodeSystem/v2-0017"
_PERFORMERS = ((20, "performer"), (21, "orderer"))


def ft1_charge_item(ft1: SourceSegment, run: Run, patient: Resource) -> Resource:
    """A charge (FT1-6 CG) as ChargeItem."""
    item = run.add("ChargeItem", *_key(ft1, run))
    put(item, "identifier", _identifiers(ft1, run))
    item["status"] = "billable"
    code = cwe_codeable_concept(ft1.first(7), run, ft1.where(7), table="0132") or {}
    if "text" not in code:
        put(code, "text", ft1.text(8) or ft1.text(9))
    item["code"] = code or unknown_concept()
    item["subject"] = run.refer(patient)
    if run.encounter is not None:
        item["context"] = run.refer(run.encounter)
    _put_occurrence(item, ft1, run)
    for field, function in _PERFORMERS:
        for value in ft1[field]:
            person = xcn_practitioner(value, run, ft1.where(field))
            if person is not None:
                append(item, "performer", {"function": {"text": function}, "actor": person})
    put(item, "costCenter", cwe_organization(ft1.first(13), run))
    quantity = decimal(ft1.text(10), run, ft1.where(10))
    if quantity is not None:
        item["quantity"] = {"value": quantity}
    _put_price(item, ft1, run)
    for value in ft1[24]:
        put(item, "enterer", xcn_practitioner(value, run, ft1.where(24)))
        break
    put_field_time(item, "enteredDate", ft1, 5, run)
    append_each(item, "reason", ft1, 19, run, cwe_codeable_concept, table="0051")
    put_first(item, "productCodeableConcept", ft1, 29, run, cwe_codeable_concept, table="0549")
    if run.account is not None:
        append(item, "account", run.refer(run.account))
    _put_extensions(item, ft1, run)
    return item


def ft1_basic(ft1: SourceSegment, run: Run, patient: Resource) -> Resource:
    """A transaction that is no charge (a credit, a payment, an adjustment), for which R4 has no resource."""
    basic = run.add("Basic", *_key(ft1, run))
    put(basic, "identifier", _identifiers(ft1, run))
    kind = cwe_codeable_concept(ft1.first(6), run, ft1.where(6), table="0017")
    basic["code"] = kind or unknown_concept()
    basic["subject"] = run.refer(patient)
    return basic


def _key(ft1: SourceSegment, run: Run) -> tuple[str, ...]:
    number = cx_identifier(ft1.first(2), run, ft1.where(2))
    if number is not None:
        return (*owned_key(number, run), ft1.raw(4))
    return (run.sender, run.control_id, "transaction", str(run.count("transaction")))


def _identifiers(ft1: SourceSegment, run: Run) -> list[Element]:
    found = [cx_identifier(ft1.first(2), run, ft1.where(2)), ei_identifier(ft1.first(23), run, "FILL")]
    return [each for each in found if each is not None]


def _put_occurrence(item: Resource, ft1: SourceSegment, run: Run) -> None:
    """FT1-4 is one time, or a range of them."""
    when = ft1.first(4)
    if when is None:
        return
    if when.has(2):
        put(item, "occurrencePeriod", period(when[1], when[2], run, ft1.where(4)))
    else:
        put_date_time(item, "occurrenceDateTime", when[1], run, ft1.where(4))


def _put_price(item: Resource, ft1: SourceSegment, run: Run) -> None:
    """FT1-11 is the amount of the whole charge, as priceOverride is; FT1-12, of one unit, stays beside it."""
    total = ft1.first(11)
    if total is None:
        return
    amount = decimal(total[1], run, ft1.where(11))
    if amount is None:
        return
    money: Element = {"value": amount}
    currency = total.part(1)
    if _is_currency(currency.peek(2)):
        money["currency"] = currency[2]
    item["priceOverride"] = money


def _is_currency(code: str) -> bool:
    """Whether this looks like a currency of ISO 4217, which alone R4 allows."""
    return len(code) == 3 and code.isascii() and code.isalpha() and code.isupper()


def _put_extensions(item: Resource, ft1: SourceSegment, run: Run) -> None:
    kind = cwe_codeable_concept(ft1.first(6), run, ft1.where(6), table="0017")
    if kind is not None:
        add_extension(item, extension(f"{OWN}transaction-type", "valueCodeableConcept", kind))
    procedure = cne_codeable_concept(ft1.first(25), run, ft1.where(25), table="0088")
    if procedure is not None:
        add_extension(item, extension(f"{OWN}procedure-code", "valueCodeableConcept", procedure))
    for value in ft1[26]:
        modifier = cne_codeable_concept(value, run, ft1.where(26), table="0340")
        if modifier is not None:
            add_extension(item, extension(f"{OWN}procedure-code-modifier", "valueCodeableConcept", modifier))
