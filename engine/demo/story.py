"""What happens in the demo, scene by scene."""

from __future__ import annotations

from collections.abc import Callable

from engine.demo.hisp import Hisp
from engine.demo.letters import write_letters
from engine.demo.partners import Hospital, Practice
from engine.demo.record import Sent, settled, until
from engine.demo.stage import Stage, read

CALM = (
    "adt_a28", "adt_a31", "adt_a05", "adt_a04", "adt_a01_test", "adt_a01", "adt_a01", "adt_a60", "damaged_cut_off",
)  # fmt: skip
FAILING = ("adt_a02", "adt_a08", "adt_a04_duplicate", "adt_a01_latin1", "adt_a06")
GONE = ("adt_a03", "adt_a13", "adt_a40", "adt_a11")
LAB = "batch_oru_r01"
LAB_MESSAGES = 3
PATIENT, DUPLICATE, OTHER = "7704318", "7799002", "7713377"

Say = Callable[[str], None]


class Story:
    """Plays the scenes on `stage`; `sent` is what the hospital sent, in order."""

    def __init__(self, stage: Stage, practice: Practice, hisp: Hisp, say: Say) -> None:
        self._stage = stage
        self._hisp = hisp
        self._practice = practice
        self._say = say
        self._hospital = Hospital("127.0.0.1", stage.feed)
        self.sent: list[Sent] = []

    async def play(self) -> None:
        """Every scene; raises `DemoError` when something does not come to pass."""
        await self._hospital.connect()
        try:
            await self._calm()
            await self._failing()
            await self._gone()
            await write_letters(self._stage, self._hisp, self._say, self._journaled + LAB_MESSAGES)
        finally:
            self._hospital.close()

    async def _calm(self) -> None:
        await self._send(CALM)
        await settled(self._stage.journal, self._journaled)
        good = sum(each.accepted for each in self.sent)
        self._say(
            f"St. Anne's sends {len(CALM)} messages. {good} are answered AA or CA, one of which came twice; "
            "the damaged one is answered AR."
        )

    async def _failing(self) -> None:
        self._practice.locked = {PATIENT}
        await self._send(FAILING)
        await until(lambda: self._refused(PATIENT), "Eastmere has answered AE")
        await until(lambda: {OTHER, DUPLICATE} <= self._patients(), "the other patients have passed")
        self._say(
            f"Eastmere answers AE for {PATIENT}: A02 waits, and A08 behind it; {OTHER} and {DUPLICATE} pass, "
            "and so does everything for Harbour and the archive."
        )
        self._practice.locked = set()
        await settled(self._stage.journal, self._journaled)
        self._say("Eastmere has recovered: A02 was tried again, A08 came after it.")

    async def _gone(self) -> None:
        await self._practice.close()
        before = len(self._practice.taken)
        self._stage.drop(LAB)
        await self._send(GONE)
        await until(lambda: len(self._stage.files("archive/adt")) >= self._accepted_once, "the archive has everything")
        await until(lambda: not list((self._stage.site / "var" / "lab").glob("*.hl7")), "the batch is taken in")
        self._say(
            f"Eastmere is gone. {len(GONE)} more messages and the laboratory's batch are accepted, journaled and "
            "archived all the same."
        )
        await self._practice.open()
        await settled(self._stage.journal, self._journaled + LAB_MESSAGES)
        came = len(self._practice.taken) - before
        self._say(f"Eastmere is back and gets the {came} that waited, the merge after everything of both its patients.")

    async def _send(self, samples: tuple[str, ...]) -> None:
        for sample in samples:
            body = read(sample)
            answer = await self._hospital.send(body)
            self.sent.append(Sent(sample, body, answer.code, answer.text))

    @property
    def _journaled(self) -> int:
        """How many of the messages sent have a row of their own: an identical repeat has none."""
        return len({each.body for each in self.sent})

    @property
    def _accepted_once(self) -> int:
        quiet = {"adt_a01_test", "adt_a60"}
        return len({each.body for each in self.sent if each.accepted and each.sample not in quiet})

    def _refused(self, patient: str) -> bool:
        return any(each.answer == "AE" and each.message.get("PID-3.1") == patient for each in self._practice.taken)

    def _patients(self) -> set[str]:
        return {message.get("PID-3.1") for message in self._practice.delivered}
