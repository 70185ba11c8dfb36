"""Disposition-Notification-Options: whether a sender asks for word of the delivery at the final destination."""

from __future__ import annotations

import re

FINAL_DELIVERY = "X-DIRECT-FINAL-DESTINATION-DELIVERY"
"""The option of the Implementation Guide for Delivery Notification in Direct; a dispatched MDN has it as a field."""

ASKS_FINAL_DELIVERY = f"{FINAL_DELIVERY}=optional,true"
"""What a sender writes into Disposition-Notification-Options to ask for it."""

_LONGEST = 998
_PARAMETER = re.compile(r"([!#-+\--:<>-~]+)=(required|optional),([!-+\--:<-~]+(?:,[!-+\--:<-~]+)*)\Z", re.IGNORECASE)


def wants_final_delivery(options: str) -> bool:
    """Whether the header's value asks for dispatched notices. One that breaks RFC 8098, 2.2 asks for nothing."""
    if len(options) > _LONGEST:
        return False
    found = False
    for parameter in "".join(options.split()).split(";"):
        match = _PARAMETER.match(parameter)
        if match is None:
            return False
        name, _, values = match.groups()
        if name.upper() == FINAL_DELIVERY:
            if found or values.lower() != "true":
                return False
            found = True
    return found
