"""A document that breaks no rule, and what tests change of it."""

from __future__ import annotations

from schemas.ccda import Document

VALID = """<ClinicalDocument xmlns="urn:hl7-org:v3" xmlns:sdtc="urn:hl7-org:sdtc"
    xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><realmCode code="US"/>
<typeId root="2.16.840.1.113883.1.3" extension="POCD_HD000040"/>
<templateId root="2.16.840.1.113883.10.20.22.1.1" extension="2015-08-01"/>
<templateId root="2.16.840.1.113883.10.20.22.1.1"/>
<id root="2.16.840.1.113883.19.5" extension="D1"/>
<code code="34133-9" codeSystem="2.16.840.1.113883.6.1"/><title>Summary</title><effectiveTime value="20260312"/>
<confidentialityCode code="N" codeSystem="2.16.840.1.113883.5.25"/><languageCode code="en-US"/>
<recordTarget><patientRole><id root="2.16.840.1.113883.19.5" extension="77"/>
<addr><streetAddressLine>1 Elm</streetAddressLine><city>Ash</city><state>OH</state>
<postalCode>43001</postalCode><country>US</country></addr>
<telecom nullFlavor="UNK"/><patient><name><given>Ann</given><family>Vale</family></name>
<administrativeGenderCode code="F" codeSystem="2.16.840.1.113883.5.1"/><birthTime value="19610417"/>
<raceCode nullFlavor="UNK"/><ethnicGroupCode nullFlavor="UNK"/></patient></patientRole></recordTarget>
<author><time value="20260312"/><assignedAuthor><id root="2.16.840.1.113883.4.6" extension="1"/>
<addr nullFlavor="UNK"/><telecom nullFlavor="UNK"/><assignedAuthoringDevice>
<manufacturerModelName>m</manufacturerModelName><softwareName>s</softwareName></assignedAuthoringDevice>
</assignedAuthor></author>
<custodian><assignedCustodian><representedCustodianOrganization><id root="2.16.840.1.113883.19.5"/><name>Elm</name>
<telecom nullFlavor="UNK"/><addr nullFlavor="UNK"/></representedCustodianOrganization></assignedCustodian></custodian>
<component><structuredBody><component><section>
<templateId root="2.16.840.1.113883.10.20.22.2.6" extension="2015-08-01"/>
<templateId root="2.16.840.1.113883.10.20.22.2.6"/>
<code code="48765-2" codeSystem="2.16.840.1.113883.6.1"/><title>Allergies</title>
<text><list><item ID="a1">Aspirin</item></list></text>
<entry><act classCode="ACT" moodCode="EVN">
<templateId root="2.16.840.1.113883.10.20.22.4.30" extension="2015-08-01"/>
<templateId root="2.16.840.1.113883.10.20.22.4.30"/><id root="2.16.840.1.113883.19.5" extension="A1"/>
<code code="CONC" codeSystem="2.16.840.1.113883.5.6"/><text><reference value="#a1"/></text><statusCode code="active"/>
<effectiveTime><low value="2020"/></effectiveTime><entryRelationship typeCode="SUBJ">
<observation classCode="OBS" moodCode="EVN">
<templateId root="2.16.840.1.113883.10.20.22.4.7" extension="2014-06-09"/>
<templateId root="2.16.840.1.113883.10.20.22.4.7"/><id root="2.16.840.1.113883.19.5" extension="A2"/>
<code code="ASSERTION" codeSystem="2.16.840.1.113883.5.4"/><statusCode code="completed"/>
<effectiveTime><low value="2020"/></effectiveTime>
<value xsi:type="CD" code="419511003" codeSystem="2.16.840.1.113883.6.96"/>
<participant typeCode="CSM"><participantRole classCode="MANU"><playingEntity classCode="MMAT">
<code code="1191" codeSystem="2.16.840.1.113883.6.88"/></playingEntity></participantRole></participant>
</observation></entryRelationship></act></entry></section></component></structuredBody></component></ClinicalDocument>"""


def changed(old: str, new: str) -> Document:
    """The valid document with the first `old` replaced by `new`."""
    assert old in VALID
    return Document.parse(VALID.replace(old, new, 1).encode())
