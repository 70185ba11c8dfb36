"""Every step by its YAML name: those of `transforms`, and those that need the codec of an end.

Steps and ends do not know each other (docs/decisions/mail-is-opened-by-a-step.md), so what needs both is here.
"""

from engine.steps.find_specialist import find_specialist
from engine.steps.open_mail import open_mail
from engine.steps.open_referral import open_referral
from engine.steps.to_360x import to_360x
from engine.steps.to_ref import to_ref
from engine.steps.to_service_request import to_service_request
from transforms import STEPS

__all__ = [
    "STEPS",
    "find_specialist",
    "open_mail",
    "open_referral",
    "to_360x",
    "to_ref",
    "to_service_request",
]
