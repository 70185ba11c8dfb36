"""The demo's scene with Direct: a sealed note comes in and is filed, a summary goes out and is answered."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from channels.direct.notices import NoticeKind
from engine.demo.hisp import Got, Hisp
from engine.demo.record import settled, until
from engine.demo.stage import DemoError, Stage, read_document
from engine.journal import Status
from engine.journal.history import History

NOTE, SUMMARY = "consultation_note", "discharge_summary"
CHANNELS = ("direct-in", "direct-out")
MESSAGES = 2

_BOTH = [NoticeKind.PROCESSED, NoticeKind.DISPATCHED]


@dataclass(frozen=True, slots=True)
class Letters:
    """What came of it: what St. Anne's filed, what Eastmere got and was told, and the two messages' histories."""

    filed: list[bytes]
    got: list[Got]
    notices: list[NoticeKind]
    histories: list[History]


async def write_letters(stage: Stage, hisp: Hisp, say: Callable[[str], None], before: int) -> None:
    """Play the scene after `before` messages; raises `DemoError`."""
    refused = await hisp.send(read_document(NOTE), f"{NOTE}.xml")
    if refused:
        raise DemoError(f"Eastmere's note was not taken: {refused}")
    await until(lambda: len(hisp.notices) == len(_BOTH), "Eastmere has both notices")
    say(
        "Eastmere sends a consultation note by Direct, signed and encrypted. St. Anne's opens it, trusts it, files it, "
        "and says so twice: processed, dispatched."
    )
    stage.hand_in(read_document(SUMMARY))
    await until(lambda: hisp.got, "Eastmere has the summary")
    await settled(stage.journal, before + MESSAGES)
    say(
        "St. Anne's sends a discharge summary the same way. It is pending until Eastmere has said processed and "
        "dispatched."
    )


def direct_claims(letters: Letters) -> Iterator[tuple[str, bool, str]]:
    """What must have come to pass: the text, whether it holds, what was found."""
    note, summary = read_document(NOTE), read_document(SUMMARY)
    yield "Eastmere's note was filed by St. Anne's byte for byte", letters.filed == [note], f"{len(letters.filed)} file"
    said = ", ".join(letters.notices)
    yield "Eastmere was told that it is processed, and then dispatched", letters.notices == _BOTH, said
    documents = [document for got in letters.got for document in got.documents]
    yield (
        "St. Anne's summary was opened by Eastmere byte for byte",
        documents == [summary],
        f"{len(documents)} document",
    )
    clear = any(b"ClinicalDocument" in got.wire or b"Discharge" in got.wire for got in letters.got)
    kind = b"Content-Type: application/pkcs7-mime"
    sealed = bool(letters.got) and all(kind in got.wire for got in letters.got)
    yield "nothing of it could be read on its way", sealed and not clear, ""
    out = [one for each in letters.histories if each.message.channel == "direct-out" for one in each.deliveries]
    states = [*(fact.kind for one in out for fact in one.events), *(one.status.value for one in out)]
    waited = len(out) == 1 and out[0].status is Status.DELIVERED and Status.PENDING.value in states[:-1]
    yield "it was pending until Eastmere's notices, and then delivered", waited, ", ".join(states)
