from datetime import UTC, datetime

import hl7
import pytest

from schemas.hl7v2 import Delimiters, Er7, Hl7Error, build

NOW = datetime(2026, 3, 12, 8, 30, 15, tzinfo=UTC)


def test_a_message_from_nothing() -> None:
    message = build(
        "ORU", "R01", "2.5.1", "C7", NOW,
        structure="ORU_R01", sending_application="L|b", sending_facility="F", receiving_application="R",
        receiving_facility="G", processing_id="T", accept_ack="AL", application_ack="NE", charset="UNICODE UTF-8",
    )  # fmt: skip
    patient = message.add("PID")
    patient.set("3[2].4.2", "1.2.3")
    patient.set("5.1", "Łukasz")
    message.set("OBX-5", "a\nb")
    assert message.encode().decode() == (
        "MSH|^~\\&|L\\F\\b|F|R|G|20260312083015+0000||ORU^R01^ORU_R01|C7|T|2.5.1|||AL|NE||UNICODE UTF-8\r"
        "PID|||~^^^&1.2.3||Łukasz\rOBX|||||a\\.br\\b\r"
    )
    assert message.findings == []
    independent = hl7.parse(message.encode().decode())
    assert str(independent["PID.F5.R1.C1"]) == "Łukasz"


@pytest.mark.parametrize(
    ("version", "msh_9"),
    [("2.2", "ADT^A01"), ("2.3", "ADT^A01"), ("2.3.1", "ADT^A01^ADT_A01"), ("2.9", "ADT^A01^ADT_A01")],
)
def test_the_structure_is_written_where_the_version_has_it(version: str, msh_9: str) -> None:
    assert build("ADT", "A01", version, "1", NOW, structure="ADT_A01").get("MSH-9") == msh_9


def test_other_delimiters() -> None:
    message = build("ADT", "A01", "2.5", "1", NOW, delimiters=Delimiters("$", "*", "!", "@", "%"))
    message.set("PID-5", "a*b$")
    assert message.encode().endswith(b"\rPID$$$$$a@S@b@F@\r")
    assert Er7.parse(message.encode()).get("PID-5") == "a*b$"


def test_without_a_character_set_a_message_is_ascii() -> None:
    with pytest.raises(Hl7Error):
        build("ADT", "A01", "2.5", "1", NOW).set("PID-5", "Müller")
