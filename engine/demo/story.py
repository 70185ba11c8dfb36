"""What happens in the demo, scene by scene, and what must come of each message."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from engine.demo.fhir_practice import FhirPractice
from engine.demo.hisp import Hisp
from engine.demo.letters import write_letters
from engine.demo.mailroom import Mailroom
from engine.demo.partners import Hospital, Practice, number_of
from engine.demo.record import Sent, settled, until
from engine.demo.stage import Stage, read
from engine.worklist import Decided, settle, waiting
from schemas.ids import utc_now

EASTMERE, HARBOUR, NORTHGATE, LANTERN = "eastmere", "harbour", "northgate", "lantern"
PATIENT, OTHER = "7704318", "7713377"
HOME_CARE, CARDIOLOGIST = "intake@direct.northgate.example", "pellworth@direct.cardiology.example"
DOUBTFUL, DAMAGED, TEST, OPTED_OUT = "adt_a04_doubtful", "damaged_cut_off", "adt_a01_test", "adt_a01_optout"
LAB, VERSIONS = "batch_oru_r01", "batch_oru_r01_versions"

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Step:
    """A message that the hospital sends, and who must hear of it: the kind of notice and its event by subscriber."""

    sample: str
    told: Mapping[str, str] = field(default_factory=dict)


def _all(what: str) -> dict[str, str]:
    return {EASTMERE: what, NORTHGATE: what, LANTERN: what}


CALM = (
    Step("adt_a05"),  # a pre-admission is no visit yet
    Step("adt_a04"),  # an outpatient's visit: neither of his two wants to hear of those
    Step(TEST),
    Step("adt_a01", _all("new admit")),
    Step("adt_a01"),  # the identical message again
    Step("adt_a02"),  # to another bed
    Step("adt_a04_duplicate"),  # another first name is another person
    Step(DOUBTFUL),
    Step(OPTED_OUT),
    Step(DAMAGED),
)
FAILING = (
    Step("adt_a08", _all("update admit")),
    Step("adt_a03", _all("new discharge")),
    Step("adt_a01_latin1", {EASTMERE: "new emergency"}),
    Step("adt_a06", {HARBOUR: "new admit", NORTHGATE: "new admit"}),
)
GONE = (
    Step("adt_a13", _all("withdrawal discharge")),
    Step("adt_a11", {HARBOUR: "withdrawal admit", NORTHGATE: "withdrawal admit"}),
)
STEPS = (*CALM, *FAILING, *GONE)

RESULTS = {
    EASTMERE: ["final", "final", "preliminary", "final", "corrected"],
    HARBOUR: ["final"],
    CARDIOLOGIST: ["preliminary", "final", "corrected"],
}
"""The versions of results that each must get; what is behind them is withheld, what nobody can place is on the work
list."""
ON_THE_LIST = 3


class Story:
    """Plays the scenes on `stage`; `sent` is what the hospital sent, in order."""

    def __init__(
        self, stage: Stage, practice: Practice, harbour: FhirPractice, mailroom: Mailroom, hisp: Hisp, say: Say
    ) -> None:
        self._stage = stage
        self._practice = practice
        self._harbour = harbour
        self._mailroom = mailroom
        self._hisp = hisp
        self._say = say
        self._hospital = Hospital("127.0.0.1", stage.feed)
        self._from_lab = 0
        self.sent: list[Sent] = []
        self.listed: list[str] = []

    async def play(self) -> None:
        """Every scene; raises `DemoError` when something does not come to pass."""
        await self._hospital.connect()
        try:
            await self._calm()
            await self._failing()
            await self._gone()
            await self._versions()
            await self._look()
            await write_letters(self._stage, self._hisp, self._say, self._journaled + self._from_lab)
        finally:
            self._hospital.close()

    async def _calm(self) -> None:
        await self._send(CALM)
        await settled(self._stage.journal, self._journaled)
        self._say(
            f"St. Anne's sends {len(CALM)} messages, one of them twice and one damaged. One is an event that somebody "
            "wants to hear of, an admission: Eastmere is told by HL7 v2, Northgate Home Care by Direct, and it is on "
            "the list that Lantern Row gets once a day."
        )
        self._say(
            "A bed move, a pre-admission, a test patient and a patient who opted out are told to nobody. Of one more "
            "it is not sure who that is: a person has to look."
        )

    async def _failing(self) -> None:
        self._practice.locked = {PATIENT}
        await self._send(FAILING)
        await until(lambda: self._refused(PATIENT), "Eastmere has answered AE")
        await until(lambda: OTHER in self._patients(), "the other patient has passed")
        await until(lambda: self._harbour.messages, "Harbour has been told")
        await until(lambda: len(self._mailroom.of(HOME_CARE)) == self._told(NORTHGATE), "Northgate has been told")
        self._say(
            f"Eastmere answers AE for {PATIENT}: the update waits, and the discharge behind it. {OTHER} passes, and so "
            "does everything for Harbour (FHIR) and Northgate."
        )
        self._practice.locked = set()
        await settled(self._stage.journal, self._journaled)
        self._say("Eastmere has recovered: the update was tried again, the discharge came after it.")

    async def _gone(self) -> None:
        await self._practice.close()
        before = len(self._practice.taken)
        self._drop(LAB, 3)
        await self._send(GONE)
        await until(lambda: len(self._harbour.transactions) == 1, "Harbour has its result")
        self._say(
            "Eastmere is gone. The discharge was a mistake, and so was an admission: both are taken back. The "
            "laboratory's batch comes as well; Harbour has its result at once, as a FHIR report."
        )
        await self._practice.open()
        await settled(self._stage.journal, self._journaled + self._from_lab)
        came = len(self._practice.taken) - before
        self._say(f"Eastmere is back and gets the {came} that waited, in their order.")

    async def _versions(self) -> None:
        self._drop(VERSIONS, 6)
        await settled(self._stage.journal, self._journaled + self._from_lab)
        self._say(
            "A potassium comes as preliminary, final, preliminary again and corrected. Eastmere ordered it, the "
            "cardiologist gets copies as PDFs by Direct; the late preliminary one is withheld from both."
        )

    async def _look(self) -> None:
        items = await waiting(self._stage.journal, 100)
        self.listed = [each.reason for each in items]
        for item in items:
            decided: Decided = "different" if item.panel else "done"
            await settle(self._stage.journal, item.id, decided, "demo", "looked at", utc_now())
        await settled(self._stage.journal, self._journaled + self._from_lab)
        self._say(
            f"On the work list are {len(items)}: the doubtful patient, a doctor whom nobody knows, a code without "
            "LOINC. A person settles them: it is somebody else, and the other two are seen to."
        )

    async def _send(self, steps: tuple[Step, ...]) -> None:
        for step in steps:
            body = read(step.sample)
            answer = await self._hospital.send(body)
            self.sent.append(Sent(step.sample, body, answer.code, answer.text))

    def _drop(self, sample: str, messages: int) -> None:
        self._stage.drop(sample)
        self._from_lab += messages

    @property
    def _journaled(self) -> int:
        """How many of the messages sent have a row of their own: an identical repeat has none."""
        return len({each.body for each in self.sent})

    def _told(self, subscriber: str) -> int:
        """How many notices that subscriber must have by now."""
        sent = len(self.sent)
        return sum(subscriber in step.told for step in STEPS[:sent])

    def _refused(self, patient: str) -> bool:
        taken = self._practice.taken
        return any(each.answer == "AE" and number_of(each.message.er7) == patient for each in taken)

    def _patients(self) -> set[str]:
        return {number_of(message.er7) for message in self._practice.delivered}
