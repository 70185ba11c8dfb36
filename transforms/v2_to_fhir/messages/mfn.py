"""MFN: master files; of staff (M02) the people and what they are."""

from __future__ import annotations

from schemas.fhir import Resource
from transforms.elements import append
from transforms.v2_to_fhir.messages.common import HEADER, finish
from transforms.v2_to_fhir.run import Handler, Run
from transforms.v2_to_fhir.segments.stf import pra_practitioner_role, stf_practitioner, stf_practitioner_role
from transforms.v2_to_fhir.source import SourceSegment


class Record:
    """The record of a master file that is open."""

    def __init__(self) -> None:
        self.event = ""
        self.waiting: SourceSegment | None = None
        self.practitioner: Resource | None = None

    def on_mfe(self, mfe: SourceSegment, run: Run) -> Resource | None:
        """MFE: a record begins; what happens to it is told by the STF that follows."""
        self.event = mfe.raw(1)
        self.waiting, self.practitioner = mfe, None
        return None

    def on_stf(self, stf: SourceSegment, run: Run) -> Resource:
        """STF: a person."""
        self.practitioner = stf_practitioner(stf, run, self.event)
        stf_practitioner_role(stf, run, self.practitioner)
        if self.waiting is not None:
            self.waiting.target = self.practitioner
        append(run.header, "focus", run.refer(self.practitioner))
        return self.practitioner

    def on_pra(self, pra: SourceSegment, run: Run) -> Resource | None:
        """PRA: what the person is as a practitioner."""
        return None if self.practitioner is None else pra_practitioner_role(pra, run, self.practitioner)


def mfn_m02(run: Run) -> None:
    """MFN_M02, which the guide does not map."""
    record = Record()
    own: dict[str, Handler] = {"MFE": record.on_mfe, "STF": record.on_stf, "PRA": record.on_pra}
    run.walk({**HEADER, **own})
    finish(run)
