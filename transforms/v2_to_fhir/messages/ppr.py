"""PPR, PGL and PPP: problems, goals and pathways, as they are added, changed and deleted."""

from __future__ import annotations

from schemas.fhir import Resource
from transforms.elements import append
from transforms.v2_to_fhir.messages.ack import ANSWER, settle_outcome
from transforms.v2_to_fhir.messages.common import finish
from transforms.v2_to_fhir.messages.order_groups import close_group
from transforms.v2_to_fhir.messages.results import RESULTS, on_result
from transforms.v2_to_fhir.run import Handler, Run
from transforms.v2_to_fhir.segments.problems import gol_goal, prb_condition, pth_care_plan, var_annotation
from transforms.v2_to_fhir.source import SourceSegment


class Plan:
    """What is open of a message about problems: goals belong to the problem before them, pathways to both, and back."""

    def __init__(self) -> None:
        self.condition: Resource | None = None
        self.goal: Resource | None = None
        self.pathway: Resource | None = None
        self.open: Resource | None = None

    def on_prb(self, prb: SourceSegment, run: Run) -> Resource:
        """PRB: a problem."""
        close_group(run)
        self.condition = self.open = run.latest = prb_condition(prb, run)
        self.goal = self.pathway = None
        return self.condition

    def on_gol(self, gol: SourceSegment, run: Run) -> Resource:
        """GOL: a goal."""
        close_group(run)
        self.goal = self.open = run.latest = gol_goal(gol, run, self.condition)
        if self.pathway is not None:
            append(self.pathway, "goal", run.refer(self.goal))
        return self.goal

    def on_pth(self, pth: SourceSegment, run: Run) -> Resource:
        """PTH: a pathway."""
        close_group(run)
        self.pathway = self.open = run.latest = pth_care_plan(pth, run, self.condition, self.goal)
        return self.pathway

    def on_obx(self, obx: SourceSegment, run: Run) -> Resource:
        """OBX: a result of the order that is open, else what speaks for the problem, or what became of the goal."""
        observation = on_result(obx, run)
        if run.group is None and self.open is not None:
            reference = run.refer(observation)
            if self.open is self.condition:
                append(self.open, "evidence", {"detail": [reference]})
            elif self.open is self.goal:
                append(self.open, "outcomeReference", reference)
        return observation

    def on_var(self, var: SourceSegment, run: Run) -> Resource | None:
        """VAR: what went otherwise."""
        if self.open is not None:
            var_annotation(var, run, self.open)
        return self.open


def ppr_pc1(run: Run) -> None:
    """PPR_PC1 (PC1 to PC3), PGL_PC6 (PC6 to PC8) and PPP_PCB (PCB to PCD), which the guide does not map."""
    plan = Plan()
    own: dict[str, Handler] = {
        "PRB": plan.on_prb,
        "GOL": plan.on_gol,
        "PTH": plan.on_pth,
        "VAR": plan.on_var,
        "OBX": plan.on_obx,
    }
    run.walk({**RESULTS, **ANSWER, **own})
    close_group(run)
    finish(run)
    settle_outcome(run)
    if plan.condition is not None:
        run.header["focus"] = [run.refer(plan.condition), *run.header.get("focus", [])]
