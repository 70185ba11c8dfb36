"""The words of 360X for the acts of a referral: ORC-1 and ORC-5, and the trigger events of SIU.

The public pages of the guide name the messages, MSH-21, ORC-2 and OBR-4; the pairs of ORC-1 (table 0119) and ORC-5
(table 0038) for what the recipient answers are our reading (docs/decisions/360x-order-control.md).
"""

from __future__ import annotations

from typing import NamedTuple

from transforms.refer.referral import Act


class Order(NamedTuple):
    """The message that says an act, with its order control (ORC-1) and order status (ORC-5)."""

    message_type: str
    control: str
    status: str = ""


ORDERS = {
    Act.REQUEST: Order("OMG", "NW"),
    Act.CHANGE: Order("OMG", "XO"),
    Act.CANCEL: Order("OSU", "CA"),
    Act.ACCEPT: Order("OSU", "OK", "IP"),
    Act.DECLINE: Order("OSU", "UA", "CA"),
    Act.CONFIRM_CANCEL: Order("OSU", "CR", "CA"),
    Act.INTERIM: Order("OSU", "SC", "A"),
    Act.COMPLETE: Order("OSU", "SC", "CM"),
}
"""How an act is written."""

BY_CONTROL = {
    "NW": Act.REQUEST,
    "RO": Act.CHANGE,
    "RP": Act.CHANGE,
    "XO": Act.CHANGE,
    "CA": Act.CANCEL,
    "DC": Act.CANCEL,
    "OK": Act.ACCEPT,
    "AF": Act.ACCEPT,
    "OC": Act.DECLINE,
    "OD": Act.DECLINE,
    "UA": Act.DECLINE,
    "CR": Act.CONFIRM_CANCEL,
    "DR": Act.CONFIRM_CANCEL,
}
"""What an order control says that needs no status; senders' other words for the same are read too."""

BY_STATUS = {
    "IP": Act.ACCEPT,
    "SC": Act.ACCEPT,
    "A": Act.INTERIM,
    "CM": Act.COMPLETE,
    "CA": Act.DECLINE,
    "DC": Act.DECLINE,
}
"""What the status of a status change (ORC-1 SC or SN) says."""

STATUS_CHANGED = ("SC", "SN", "SR")

BOOKED = ("S12", "S13", "S14")
"""A new appointment, one at another time, one that is changed: each says when the patient is seen."""
NO_SHOW = "S26"
CANCELLED = ("S15", "S17")
"""An appointment cancelled or deleted. The referral stands as it was accepted; no act of 360X says it."""
