"""REF, RRI, RQA and RPA: referrals and what is answered to them."""

from __future__ import annotations

from schemas.fhir import Element, Resource
from transforms.elements import append
from transforms.v2_to_fhir.messages.ack import ANSWER, settle_outcome
from transforms.v2_to_fhir.messages.common import finish
from transforms.v2_to_fhir.messages.order_groups import close_group
from transforms.v2_to_fhir.messages.results import RESULTS
from transforms.v2_to_fhir.run import Handler, Run
from transforms.v2_to_fhir.segments.aut import aut_claim_response
from transforms.v2_to_fhir.segments.orc_medication import put_subject
from transforms.v2_to_fhir.segments.prd import (
    PRIMARY_CARE,
    REFERRED_TO,
    REFERRING,
    ctd_practitioner_role,
    prd_practitioner_role,
    role_codes,
)
from transforms.v2_to_fhir.segments.rf1 import rf1_service_request, rf1_task, settle_referral
from transforms.v2_to_fhir.source import SourceSegment


class Referral:
    """The referral of one message; providers and authorizations stand around it, and go into it at the end."""

    def __init__(self) -> None:
        self.request: Resource | None = None
        self.task: Resource | None = None
        self.answers: list[Resource] = []
        self.providers: list[tuple[set[str], Element]] = []

    def on_rf1(self, rf1: SourceSegment, run: Run) -> Resource:
        """RF1: what is asked for, and how far it has come."""
        self.request = run.order = run.latest = rf1_service_request(rf1, run)
        self.task = rf1_task(rf1, run, self.request)
        return self.request

    def on_prd(self, prd: SourceSegment, run: Run) -> Resource | None:
        """PRD: a provider."""
        return self._provider(role_codes(prd), prd_practitioner_role(prd, run), run)

    def on_ctd(self, ctd: SourceSegment, run: Run) -> Resource | None:
        """CTD: whom to ask."""
        return self._provider(set(), ctd_practitioner_role(ctd, run), run)

    def on_aut(self, aut: SourceSegment, run: Run) -> Resource:
        """AUT: what the payer says."""
        answer = aut_claim_response(aut, run)
        self.answers.append(answer)
        return answer

    def settle(self, run: Run) -> None:
        """Put patient, providers and authorizations into the referral."""
        for answer in self.answers:
            put_subject(answer, "patient", run)
        for codes, provider in self.providers:
            if PRIMARY_CARE in codes and run.patient is not None:
                append(run.patient, "generalPractitioner", provider)
        if self.request is None:
            return
        settle_referral(self.request, self.task, run)
        for codes, provider in self.providers:
            if REFERRING in codes:
                self.request["requester"] = provider
            if REFERRED_TO in codes:
                append(self.request, "performer", provider)
                if self.task is not None:
                    self.task["owner"] = provider
            if not codes & {REFERRING, REFERRED_TO, PRIMARY_CARE}:
                append(self.request, "supportingInfo", provider)
        for answer in self.answers:
            append(self.request, "insurance", run.refer(answer))

    def _provider(self, codes: set[str], provider: Element | None, run: Run) -> Resource | None:
        if provider is None:
            return None
        self.providers.append((codes, provider))
        return run.referred(provider)


def ref_i12(run: Run) -> None:
    """REF_I12 (I12 to I15), RRI_I12, RQA_I08 and RPA_I08, which the guide does not map."""
    referral = Referral()
    own: dict[str, Handler] = {
        "RF1": referral.on_rf1,
        "PRD": referral.on_prd,
        "CTD": referral.on_ctd,
        "AUT": referral.on_aut,
    }
    run.walk({**RESULTS, **ANSWER, **own})
    close_group(run)
    referral.settle(run)
    finish(run)
    settle_outcome(run)
    if referral.request is not None:
        run.header["focus"] = [run.refer(referral.request), *run.header.get("focus", [])]
