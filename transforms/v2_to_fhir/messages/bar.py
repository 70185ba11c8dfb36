"""BAR: the account of a visit is opened, changed, ended or purged."""

from __future__ import annotations

from transforms.v2_to_fhir.messages.adt import ADT
from transforms.v2_to_fhir.messages.common import finish
from transforms.v2_to_fhir.run import Run
from transforms.v2_to_fhir.segments.rol import DELETED


def bar_p01(run: Run) -> None:
    """BAR_P01 and kin (P02, P05, P06, P10, P12), which the guide has no map for."""
    run.walk(ADT)
    if run.account is not None:
        if run.trigger_event in ("P02", "P06"):
            run.account["status"] = "inactive"
        if run.trigger_event == "P06" and run.occurred:
            run.account["servicePeriod"] = {"end": run.occurred}
        if run.trigger_event == "P02":
            run.tell(DELETED, "MSH-9", "the sender purges this account; it is carried as not active")
    finish(run)
