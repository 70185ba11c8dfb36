"""The errors of steps for what the codecs that they use refuse."""

from __future__ import annotations

from channels.direct.error import DirectError
from transforms import StepError
from transforms.refer import ReferralError

LOOK_AGAIN = "see the message with `hie show`"


def refused_mail(error: DirectError, hint: str = LOOK_AGAIN) -> StepError:
    """The error for a mail or package that cannot be read or written; `hint` is for an error that has none."""
    return StepError(f"{error.code}: {error.what}", error.hint or hint)


def refused_referral(error: ReferralError) -> StepError:
    """The error for a message that no act of a referral can be read from, or an act that a form has no word for."""
    what = f"{error.where}: {error.args[0]}" if error.where else str(error.args[0])
    return StepError(what, error.hint or "docs/referral-forms.md says what each form must have")
