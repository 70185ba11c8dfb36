"""What is raised for a message that no act of a referral can be read from, or that cannot be written."""

from __future__ import annotations

from schemas.error import BodyError


class ReferralError(BodyError):
    """The message is no message of a referral, or lacks what every one must have; nothing of it is quoted."""


class NoActError(ReferralError):
    """The message is about a referral and changes nothing of it: a receipt, or a word that stands for no act."""


class NotSayableError(ReferralError):
    """The form that was to be written has no word for this act."""
