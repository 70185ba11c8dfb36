"""Documents and packages for the tests: a small clinical document, and ZIPs of any kind."""

from __future__ import annotations

import hashlib
import io
import itertools
import os
import zipfile
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

CORPUS = Path(os.environ.get("HIE_CORPUS") or Path(__file__).resolve().parents[4] / "shared" / "corpus")
NOW = datetime(2026, 11, 25, 4, 0, tzinfo=UTC)

CLINICAL = b"""<?xml version="1.0" encoding="UTF-8"?>
<?xml-stylesheet type="text/xsl" href="https://evil.example/CDA.xsl"?>
<ClinicalDocument xmlns="urn:hl7-org:v3">
 <templateId root="2.16.840.1.113883.10.20.22.1.1" extension="2015-08-01"/>
 <id root="2.999.1.7" extension="D1"/>
 <code code="57133-1" codeSystem="2.16.840.1.113883.6.1" displayName="Referral note"/>
 <title>Referral &amp; more</title>
 <effectiveTime value="20261124230000-0500"/>
 <confidentialityCode code="R" codeSystem="2.16.840.1.113883.5.25"/>
 <languageCode code="en-US"/>
 <recordTarget><patientRole>
  <id root="2.999.1.2"/><id root="2.999.1.3" extension="M1^7"/>
  <addr><streetAddressLine>1 Oak Way</streetAddressLine><city>Hill</city><postalCode>01234</postalCode></addr>
  <patient>
   <name><given>Ann</given><given>B.</given><given qualifier="CL">Annie</given><family>O|Neil</family></name>
   <administrativeGenderCode code="F"/><birthTime value="197005010830"/>
  </patient>
 </patientRole></recordTarget>
 <author><time value="20261124"/><assignedAuthor>
  <id root="2.16.840.1.113883.4.6" extension="1234567893"/>
  <telecom value="tel:+1-555-0100"/><telecom value="mailto:rae@clinic.direct.example"/>
  <assignedPerson><name><prefix>Dr</prefix><given>Rae</given><family>Ray</family></name></assignedPerson>
  <representedOrganization><id root="2.999.9"/><name>Hill Clinic</name></representedOrganization>
 </assignedAuthor></author>
 <documentationOf><serviceEvent>
  <effectiveTime><low value="20261101"/><high value="20261124"/></effectiveTime>
 </serviceEvent></documentationOf>
 <component><structuredBody/></component>
</ClinicalDocument>
"""

OTHER = CLINICAL.replace(b'extension="D1"', b'extension="D2"')

REFERRAL = (
    b"MSH|^~\\&||^2.999.21^ISO||^2.999.32^ISO|20260105120000+0000||OMG^O19^OMG_O19|1001|P|2.5.1|||NE|NE|||||360X\r"
    b"PID|1||77^^^HOSP^MR~P1001^^^&2.999.21.5&ISO^MRN||O\\T\\Neil^Ann^B.||19700501|F|||1 Oak Way^^Hill\r"
    b"ORC|NW|R-2001^^2.999.21.15^ISO\r"
)


def ids() -> Callable[[], str]:
    """Ids in order: 32 hexadecimal digits each."""
    numbers = itertools.count(1)
    return lambda: f"{next(numbers):032x}"


def entry(id: str, uri: str = "", **slots: str) -> str:
    """An ExtrinsicObject as the least of them are."""
    named = {"URI": uri, **slots}
    values = "".join(
        f'<Slot name="{name}"><ValueList><Value>{value}</Value></ValueList></Slot>'
        for name, value in named.items()
        if value
    )
    return f'<ExtrinsicObject id="{id}" mimeType="text/xml">{values}</ExtrinsicObject>'


def metadata(*entries: str, head: str = "") -> bytes:
    """A METADATA.XML of these entries, in one submission set."""
    package = '<RegistryPackage id="set"/>'
    return (
        f'{head}<SubmitObjectsRequest xmlns="urn:oasis:names:tc:ebxml-regrep:xsd:lcm:3.0">'
        f'<RegistryObjectList xmlns="urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0">{"".join(entries)}{package}'
        "</RegistryObjectList></SubmitObjectsRequest>"
    ).encode()


def zipped(files: Mapping[str, bytes]) -> bytes:
    """A ZIP of `files`, packed."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as package:
        for name, data in files.items():
            member = zipfile.ZipInfo(name.replace("\\", "\x01"))
            member.filename = name  # as it is: also with backslashes
            member.compress_type = zipfile.ZIP_DEFLATED
            package.writestr(member, data)
    return made.getvalue()


def sha1(data: bytes) -> str:
    """The hash that metadata has."""
    return hashlib.sha1(data, usedforsecurity=False).hexdigest()
