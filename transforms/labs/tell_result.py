"""The step `tell_result`: the newest version of a result, once."""

from __future__ import annotations

from schemas.finding import Finding, Severity
from schemas.message import HL7V2, Message
from transforms.codes import HELD
from transforms.labs.orders import families, orders
from transforms.labs.version import Version, key_of, version_of
from transforms.notify.events import sender_of
from transforms.registry import Registry
from transforms.step import StepError, sets, step

BEHIND = "LAB-201"
REPEATED = "LAB-202"

_KINDS = {"corrected": "correction", "cancelled": "withdrawal"}


@step
@sets(
    *("notice.key", "notice.kind", "notice.event", "notice.digest", "notice.patient", "notice.sender"),
    *("result.status", "deliver.withheld"),
)
def tell_result(message: Message, *, registry: Registry) -> Message:
    """Let each version of a result pass once, in the order of its status: preliminary, final, corrected, cancelled.

    What is behind what the recipient was told, an older version or a preliminary one after the final, and what repeats
    it, is withheld: it stands in the journal on its route as filtered, with the reason, and is not delivered. A
    correction always passes but for a newer one, and what was refused or given up passes when it is sent again. What
    waits for a person (an unknown recipient, a code that `map_codes` holds) tells nobody anything and passes as it is.
    `notice.kind` is `new`, `update`, `correction` or `withdrawal`.
    Put it behind `split_orders` and `find_recipient`, and give its routes `in_order: notice.key`.
    """
    if message.get("recipient.verdict") == "unknown" or message.get(HELD):
        return message
    recipient = message.get("subscriber.id")
    if not recipient:
        raise StepError("the result is for nobody", "put find_recipient before tell_result")
    if message.format != HL7V2:
        raise StepError(
            f"only HL7 v2 says which version it is, and the body is {message.format}", "put the step before"
        )
    er7 = message.er7
    found = families(orders(er7))
    if len(found) != 1:
        raise StepError(f"the message answers {len(found)} orders", "put split_orders before")
    key, version = key_of(found[0]), version_of(found[0])
    before = ((Version.parse(each.digest), each.lost) for each in registry.told(recipient, key, message.origin))
    told = [(each, lost) for each, lost in before if each is not None]
    facts = {
        "result.status": version.status,
        "notice.event": "result",
        "notice.key": key,
        "notice.digest": str(version),
    }
    facts |= {"notice.patient": er7.get("PID-3.1"), "notice.sender": sender_of(er7)}
    if told:
        newest, lost = told[0]
        for each, never_arrived in told[1:]:
            if not each.is_behind(newest):
                newest, lost = each, never_arrived
        if version.says_the_same(newest) and not lost:
            return _withheld(message, version, REPEATED, f"the {version.status} result was told already")
        if version.is_behind(newest):
            what = f"superseded: this {version.status} result is behind the {newest.status} one that was told"
            return _withheld(message, version, BEHIND, what)
    facts["notice.kind"] = _KINDS.get(version.status) or ("new" if all(lost for _, lost in told) else "update")
    return message.derive("tell_result", attributes=facts)


def _withheld(message: Message, version: Version, code: str, what: str) -> Message:
    finding = Finding(code, "OBR-25", what, "", Severity.INFORMATION)
    facts = {"result.status": version.status, "deliver.withheld": what}
    return message.derive("tell_result", attributes=facts, findings=[finding])
