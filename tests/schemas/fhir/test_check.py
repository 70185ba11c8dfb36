"""Paths that R4 has no element for are found when they are written."""

import pytest

from schemas.fhir.check import readable_path
from schemas.fhir.error import FhirError


@pytest.mark.parametrize(
    "path",
    [
        "Patient",
        "Patient.gender",
        "Patient[1].name[0].family",
        "Patient.id",
        "Patient.meta.profile",
        "Patient.deceased",
        "Patient.deceased.ofType(boolean)",
        "Patient.contact.name.family",
        "Patient.birthDate.extension('http://x').value",
        "Patient._birthDate.extension.url",
        "Patient.extension('http://x').value.ofType(Coding).code",
        "Patient.identifier.where(type.coding.code='MR' and use='official').value",
        "Observation.value.value",
        "Observation.value.ofType(Quantity).value",
        "Observation.valueQuantity.value",
        "Observation.component.referenceRange.low.value",
        "Bundle.entry.resource.id",
        "Bundle.entry.resource.anything",
        "Bundle.entry.resource.ofType(Patient).gender",
        "Bundle.entry[0].link.relation",
        "Parameters.parameter.part.part.value",
        "Questionnaire.item.item.item.linkId",
        "MessageHeader.event",
    ],
)
def test_a_path_that_r4_has(path: str) -> None:
    assert str(readable_path(path)) == path


@pytest.mark.parametrize(
    ("path", "what"),
    [
        ("Patient.gendre", "Patient has no element 'gendre' in FHIR R4 (did you mean gender?)"),
        ("Patient.name.famly", "HumanName has no element 'famly' in FHIR R4 (did you mean family?)"),
        ("Patient.birthDate.year", "date has no element 'year'"),
        ("Patient.identifier.where(typ='x').value", "Identifier has no element 'typ'"),
        ("Patient.identifier.where(type.code='x').value", "CodeableConcept has no element 'code'"),
        ("Bundle.entry.resource.ofType(Patient).status", "Patient has no element 'status'"),
        ("Bundle.entry.resource.ofType(Patiant)", "'Patiant' is no type"),
        ("Observation.value.ofType(Quantity).text", "Quantity has no element 'text'"),
        ("Observation.subject.identifier.sytem", "Identifier has no element 'sytem'"),
        ("Patient.contact.extension('x').valu", "Extension has no element 'valu'"),
    ],
)
def test_a_path_that_r4_has_not(path: str, what: str) -> None:
    with pytest.raises(FhirError) as refused:
        readable_path(path)
    assert what in str(refused.value)
