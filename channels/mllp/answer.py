"""What a sender is answered: the engine's receipt made into an ACK, or silence where the sender asks for that."""

from __future__ import annotations

import re
from datetime import datetime
from functools import partial
from typing import Literal

from channels.ends import Receipt, ReceiptCode
from channels.mllp.framing import frame
from schemas.hl7v2 import (
    Header,
    Hl7Error,
    ack_mode,
    acknowledge,
    header,
    timestamp,
    wants_accept_ack,
    wants_application_ack,
)

Mode = Literal["auto", "original", "enhanced", "always"]

_ORIGINAL = {ReceiptCode.ACCEPTED: "AA", ReceiptCode.REJECTED: "AR", ReceiptCode.FAILED: "AE"}
_ENHANCED = {ReceiptCode.ACCEPTED: "CA", ReceiptCode.REJECTED: "CR", ReceiptCode.FAILED: "CE"}
_TYPES = dict.fromkeys((b"2.3.1", b"2.4", b"2.5", b"2.5.1", b"2.6", b"2.7", b"2.7.1", b"2.8", b"2.9"), b"ACK^%b^ACK")
_TYPES[b"2.3"] = b"ACK^%b"
_PLAIN = frozenset((b"UNICODE UTF-8", b"ASCII", *(b"8859/%d" % number for number in range(1, 10)), b"8859/15"))
"""Values of MSH-18 in which ASCII is written as it is."""
_AA = b"\x0bMSH|^~\\&|%b|%b|%b|%b|%b||%b|%b|%b|%b%b\rMSA|AA|%b\r\x1c\r"

_FIELD = rb"[ -{}~]*"
_USUAL = re.compile(
    rb"MSH\|\^~\\&\|(F)\|(F)\|(F)\|(F)\|F\|F\|"  # MSH-3 to MSH-8
    rb"[A-Z0-9]+\^([A-Z0-9]+)(?:\^[A-Z0-9_]*)?\|(F)\|(F)\|([0-9.]+)"  # to MSH-12
    rb"(?:\|F(?:\|F(?:\|(?:\|(?:\|F(?:\|(F)(?:\|[ -~]*)?)?)?)?)?)?)?\r".replace(b"F", _FIELD)  # MSH-15, MSH-16: empty
)


class Answers:
    """Makes the framed answers of one end (HL7 v2.9, 2.9.2 and 2.9.3).

    A message gets one answer at most: where a sender asks for both acknowledgments of the enhanced mode, it is the
    accept acknowledgment, for the other is the receiving application's to send.
    """

    def __init__(self, mode: Mode) -> None:
        self._mode = mode
        self._second: int | None = None
        self._timestamp = b""

    def to(self, body: bytes, receipt: Receipt, control_id: str, now: datetime) -> bytes:
        """The framed answer to `body`, `b""` where its sender wants none; `control_id` is the answer's own MSH-10."""
        if receipt.code is ReceiptCode.ACCEPTED and not receipt.reason and self._mode != "enhanced":
            usual = self._usual(body, control_id, now)
            if usual:
                return usual
        try:
            asked: Header | None = header(body)
        except Hl7Error:
            asked = None
        code = self._code(asked, receipt.code)
        if not code:
            return b""
        errors = (
            [] if receipt.code is ReceiptCode.ACCEPTED else [(receipt.where, receipt.error or "207", receipt.reason)]
        )
        reply = partial(acknowledge, code=code, control_id=control_id, now=now, text=receipt.reason, errors=errors)
        try:
            return frame(reply(body))
        except ValueError:
            # The header's echo would break the frame (UTF-16 can): the answer then names no message.
            return frame(reply(None))

    def _code(self, asked: Header | None, receipt: ReceiptCode) -> str:
        """MSA-1, "" where the sender asks for no answer; a message without a header can ask for nothing."""
        mode = "original" if asked is None else ack_mode(asked)
        ok = receipt is ReceiptCode.ACCEPTED
        match self._mode:
            case "original":
                return _ORIGINAL[receipt]
            case "always":
                return (_ENHANCED if mode == "enhanced" else _ORIGINAL)[receipt]
            case "enhanced":
                if asked is None or not asked.accept_ack or wants_accept_ack(asked, ok):
                    return _ENHANCED[receipt]
                return ""
        if asked is None or mode == "original":
            return _ORIGINAL[receipt]
        if wants_accept_ack(asked, ok):
            return _ENHANCED[receipt]
        return _ORIGINAL[receipt] if wants_application_ack(asked, ok) else ""

    def _usual(self, body: bytes, control_id: str, now: datetime) -> bytes:
        """The AA to a message with nothing special in its header: the bytes that `acknowledge` makes, in a tenth of its
        time; `b""` for any other message."""
        found = _USUAL.match(body)
        if found is None:
            return b""
        sender, sender_site, receiver, receiver_site, event, request, processing, version, charset = found.groups()
        answer_type = _TYPES.get(version)
        if answer_type is None:
            return b""
        tail = b""
        if charset:
            if charset not in _PLAIN:
                return b""
            tail = b"||||||" + charset
        second = int(now.timestamp())
        if second != self._second:
            self._second = second
            self._timestamp = timestamp(now).encode()
        return _AA % (
            receiver,
            receiver_site,
            sender,
            sender_site,
            self._timestamp,
            answer_type % event,
            control_id.encode(),
            processing or b"P",
            version,
            tail,
            request,
        )
