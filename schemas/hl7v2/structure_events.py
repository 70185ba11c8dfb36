"""Which message structure a trigger event has (HL7 table 0354), for messages that do not say so in MSH-9.3."""

from __future__ import annotations

from collections.abc import Iterator

_SHARED = """
ADT_A01 A04 A08 A13
ADT_A05 A14 A28 A31
ADT_A06 A07
ADT_A09 A10 A11 A12 A15
ADT_A21 A22 A23 A25 A26 A27 A29 A32 A33
ADT_A24 A37
ADT_A30 A34 A35 A36 A46 A47 A48 A49
ADT_A39 A40 A41 A42
ADT_A43 A44
ADT_A50 A51
ADT_A52 A53
ADT_A54 A55
ADT_A61 A62
CCR_I16 I17 I18
CRM_C01 C02 C03 C04 C05 C06 C07 C08
CSU_C09 C10 C11 C12
LSU_U12 U13
MDM_T01 T03 T05 T07 T09 T11
MDM_T02 T04 T06 T08 T10
MFK_M01 M02 M03 M04 M05 M06 M07 M08 M09 M10 M11 M12 M13 M14 M15 M16 M17
MFQ_M01 M02 M03 M04 M05 M06
MFR_M01 M02 M03
ORF_R04 R02
ORU_R01 W01
ORU_R30 R31 R32
PEX_P07 P08
PGL_PC6 PC7 PC8
PMU_B01 B02
PMU_B04 B05 B06
PPG_PCG PCC PCH PCJ
PPP_PCB PCD
PPR_PC1 PC2 PC3
PTR_PCF PCL
QBP_Q21 Q22 Q23 Q24 Q25 Q31 Q32
QCN_J01 J02
QRY_PC4 PC9 PCE PCK
QRY_Q01 Q26 Q27 Q28 Q29 Q30
RCI_I05 I06
RDE_O11 O25
REF_I12 I13 I14 I15
RPA_I08 I09 I10 I11
RPI_I01 I04
RQA_I08 I09 I10 I11
RQC_I05 I06
RQI_I01 I02 I03
RRE_O12 O26
RRI_I12 I13 I14 I15
RSP_K21 K22
RSP_K23 K24
SIU_S12 S13 S14 S15 S16 S17 S18 S19 S20 S21 S22 S23 S24 S26 S27
SRM_S01 S02 S03 S04 S05 S06 S07 S08 S09 S10 S11
SRR_S01 S02 S03 S04 S05 S06 S07 S08 S09 S10 S11
TCU_U10 U11
"""
"""Structure, then the other events that have it; an event of the structure's own name goes without saying."""

_BEFORE_24 = """
ADT_A01 A05 A14 A28 A31
ADT_A02 A21 A22 A23 A25 A26 A27 A29 A32 A33
"""
"""Versions 2.3 and 2.3.1 had fewer structures."""

_ONLY_ONE = {
    "ACK": "ACK",
    "MCF": "ACK",
    "ORU": "ORU_R01",
    "ORM": "ORM_O01",
    "ORR": "ORR_O02",
    "ORF": "ORF_R04",
    "DFT": "DFT_P03",
    "UDM": "UDM_Q05",
    "VXU": "VXU_V04",
    "VXQ": "VXQ_V01",
    "VXR": "VXR_V03",
    "VXX": "VXX_V02",
}
"""Types that the early versions sent without an event, or whose structure no event changes."""


def _read(lines: str) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for line in lines.split("\n"):
        structure, *events = line.split() or [""]
        for event in events:
            key = f"{structure[:3]}_{event}"
            found[key] = (*found.get(key, ()), structure)
    return found


_BY_EVENT = _read(_SHARED)
_BY_EARLY_EVENT = _read(_BEFORE_24)


def structures_for(message_type: str, trigger_event: str, version: str) -> Iterator[str]:
    """The structures that a message of this type and event may have, the likeliest first; not each version has all."""
    if message_type == "ACK":
        yield "ACK"
        return
    event = f"{message_type}_{trigger_event}"
    if trigger_event:
        if version in ("2.1", "2.2"):
            yield event
        yield from _BY_EVENT.get(event, ())
        yield event
        yield from _BY_EARLY_EVENT.get(event, ())
    if message_type in _ONLY_ONE and not trigger_event:
        yield _ONLY_ONE[message_type]
    yield message_type
