"""Referrals: what one message of a referral says, whatever form it travels in."""

from transforms.refer.error import NoActError, NotSayableError, ReferralError
from transforms.refer.referral import Act, Appointment, Attached, Coded, Identifier, Party, ReferralMessage, Side

__all__ = [
    "Act",
    "Appointment",
    "Attached",
    "Coded",
    "Identifier",
    "NoActError",
    "NotSayableError",
    "Party",
    "ReferralError",
    "ReferralMessage",
    "Side",
]
