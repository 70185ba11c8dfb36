"""Which map a message is converted by."""

from __future__ import annotations

from collections.abc import Callable

from transforms.v2_to_fhir.messages.ack import ack
from transforms.v2_to_fhir.messages.adt import adt_a01, adt_a24, adt_a37, adt_a39
from transforms.v2_to_fhir.messages.bar import bar_p01
from transforms.v2_to_fhir.messages.dft import dft_p03
from transforms.v2_to_fhir.messages.mdm import mdm_t02
from transforms.v2_to_fhir.messages.mfn import mfn_m02
from transforms.v2_to_fhir.messages.orders import ORDERS, orm_o01
from transforms.v2_to_fhir.messages.pharmacy import omp_o09, ras_o17, rde_o11, rds_o13, rgv_o15
from transforms.v2_to_fhir.messages.ppr import ppr_pc1
from transforms.v2_to_fhir.messages.query import qbp_q21, rsp_k21
from transforms.v2_to_fhir.messages.ref import ref_i12
from transforms.v2_to_fhir.messages.results import oru_r01
from transforms.v2_to_fhir.messages.siu import siu_s12, siu_s23
from transforms.v2_to_fhir.messages.vxu import vxu_v04
from transforms.v2_to_fhir.run import Run

MessageMap = Callable[[Run], None]

_WITH_MRG = (
    *("A18", "A30", "A34", "A35", "A36", "A39", "A40", "A41", "A42", "A43"),
    *("A44", "A45", "A46", "A47", "A48", "A49", "A50", "A51"),
)

MAPS: dict[tuple[str, str], MessageMap] = {
    ("ADT", ""): adt_a01,
    ("ADT", "A24"): adt_a24,
    ("ADT", "A37"): adt_a37,
    **{("ADT", event): adt_a39 for event in _WITH_MRG},
    ("BAR", ""): bar_p01,
    ("DFT", ""): dft_p03,
    ("ACK", ""): ack,
    ("MDM", ""): mdm_t02,
    ("SIU", ""): siu_s12,
    **dict.fromkeys((("SIU", "S23"), ("SIU", "S24")), siu_s23),
    ("SRM", ""): siu_s12,
    ("SRR", ""): siu_s12,
    ("VXR", ""): vxu_v04,
    ("VXU", ""): vxu_v04,
    ("OMP", ""): omp_o09,
    ("RDE", ""): rde_o11,
    ("RDS", ""): rds_o13,
    ("RGV", ""): rgv_o15,
    ("RAS", ""): ras_o17,
    ("REF", ""): ref_i12,
    ("RRI", ""): ref_i12,
    ("RQA", ""): ref_i12,
    ("RPA", ""): ref_i12,
    ("PPR", ""): ppr_pc1,
    ("PGL", ""): ppr_pc1,
    ("PPP", ""): ppr_pc1,
    ("MFN", "M02"): mfn_m02,
    ("QBP", ""): qbp_q21,
    ("QRY", ""): qbp_q21,
    ("QCN", ""): qbp_q21,
    ("QSB", ""): qbp_q21,
    ("VXQ", ""): qbp_q21,
    ("RSP", ""): rsp_k21,
    ("ADR", ""): rsp_k21,
    ("RTB", ""): rsp_k21,
    **dict.fromkeys((("ORU", ""), ("OUL", ""), ("ORF", "")), oru_r01),
    **dict.fromkeys(((kind, "") for kind in ORDERS), orm_o01),
}
"""The map of each message type and trigger event; an empty event stands for every other."""


def message_map(run: Run) -> MessageMap | None:
    """The map for the type and event of the message of `run`, None where there is none."""
    return MAPS.get((run.message_type, run.trigger_event)) or MAPS.get((run.message_type, ""))
