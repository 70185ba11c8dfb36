"""DFT: what is charged."""

from __future__ import annotations

from transforms.v2_to_fhir.messages.adt import ADT
from transforms.v2_to_fhir.messages.charges import on_ft1
from transforms.v2_to_fhir.messages.common import finish
from transforms.v2_to_fhir.messages.order_groups import close_group
from transforms.v2_to_fhir.messages.orders import ORDER_HANDLERS
from transforms.v2_to_fhir.run import Handler, Run

DFT: dict[str, Handler] = {**ADT, **ORDER_HANDLERS, "FT1": on_ft1}
"""What is charged for may be told as an order with its results."""


def dft_p03(run: Run) -> None:
    """DFT_P03 and DFT_P11, which the guide has no map for."""
    run.walk(DFT)
    close_group(run)
    finish(run)
