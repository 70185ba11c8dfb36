"""The demo's screen: a line for each scene, a row for each message, a line for each claim. Plain without a terminal."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from engine.demo.claims import Claim
from engine.demo.record import Sent
from engine.journal import Status
from engine.journal.history import History, Record
from engine.registry.referral import Referral

_PERSON = ("doubtful", "codes", "nobody")
_ROUTES = {
    "eastmere": ("eastmere",),
    "harbour": ("harbour",),
    "direct": ("direct",),
    "daily": ("daily",),
    "person": _PERSON,
}
"""What is shown in a column: the deliveries of these routes."""
_COLUMNS = {"message": 14, "patient": 7, "answer": 6, "eastmere": 8, "harbour": 7, "direct": 6, "daily": 5, "person": 7}
_LEAST_WHY = 12
_PLAIN_WIDTH = 120


class Screen:
    """Prints as the demo goes on."""

    def __init__(self) -> None:
        self._console = Console(highlight=False)
        if not self._console.is_terminal:
            self._console = Console(highlight=False, width=_PLAIN_WIDTH)

    def title(self, seconds: float) -> None:
        """Say what begins."""
        text = (
            f"The sample site (config/) on the embedded backbone and SQLite; the engine listened after {seconds:.1f} s."
        )
        self._console.print(Text("hie demo", style="bold"))
        self._console.print(Text(text))

    def say(self, text: str) -> None:
        """Tell what has happened."""
        self._console.print(Padding(Text(text), (0, 0, 0, 2), expand=False))

    def messages(self, histories: Iterable[History], sent: list[Sent]) -> None:
        """A row for each message: what came in, its answer, where it went and why."""
        table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
        left = self._console.width
        for name, width in _COLUMNS.items():
            table.add_column(name, no_wrap=True, width=width)
            left -= width + 2
        table.add_column("why", no_wrap=True, overflow="ellipsis", width=max(left - 2, _LEAST_WHY))
        for history in histories:
            table.add_row(*_row(history, _answers(history.message, sent)))
        self._console.print()
        self._console.print(table)
        self._console.print()

    def threads(self, threads: Iterable[Referral]) -> None:
        """Each referral, with what was said in it and what became of that."""
        for thread in threads:
            sides = f"{thread.initiator.party} ({thread.initiator.form}) to {thread.recipient.party}"
            self._console.print(Text(f"referral {thread.id}: {thread.state}. {sides} ({thread.recipient.form})"))
            for event in thread.events:
                ways = ", ".join(f"{each.route} {each.outcome}" for each in event.deliveries)
                self._console.print(Text(f"  {event.act:9} {event.verdict:8} {event.state:10} {event.party}: {ways}"))
        self._console.print()

    def claims(self, claims: list[Claim], seconds: float) -> None:
        """What was claimed, whether it holds, and the sum."""
        for claim in claims:
            mark = Text("  ok    ", style="green") if claim.holds else Text("  WRONG ", style="bold red")
            found = Text(f" ({claim.found})" if claim.found else "", style="dim")
            self._console.print(mark + Text(claim.text) + found, no_wrap=True, overflow="ellipsis")
        right = sum(claim.holds for claim in claims)
        style = "bold green" if right == len(claims) else "bold red"
        text = f"{right} of {len(claims)} as expected, in {seconds:.1f} s"
        self._console.print(Text(text, style=style))

    def failure(self, text: str) -> None:
        """Say that the demo could not go on."""
        self._console.print(Text(text, style="bold red"))


def _row(history: History, answers: str) -> list[Text]:
    message = history.message
    cells = [_cell(history, routes, message.status) for routes in _ROUTES.values()]
    number = message.control_id.rpartition("-")[2]
    return [Text(f"{message.type} {number}"), Text(message.patient_id), Text(answers), *cells, Text(_why(history))]


def _answers(message: Record, sent: list[Sent]) -> str:
    codes = [
        each.code
        for each in sent
        if (message.control_id and message.control_id.encode() in each.body)
        or (not message.control_id and each.sample.startswith("damaged"))
    ]
    return " ".join(codes) or "(file)"


def _cell(history: History, routes: tuple[str, ...], status: Status) -> Text:
    made = [delivery for delivery in history.deliveries if delivery.route in routes]
    if not made:
        return Text("-" if status is Status.ROUTED else "", style="dim")
    delivery = made[0]
    if routes == _PERSON:
        return Text("settled" if not delivery.open else "waits", style="yellow")
    if delivery.status is Status.FILTERED:
        return Text("held", style="yellow")
    tries = f" x{delivery.attempts}" if delivery.attempts > 1 else ""
    if delivery.status is Status.QUEUED:
        return Text("later", style="yellow")
    if delivery.status is Status.DELIVERED:
        return Text(f"yes{tries}", style="green")
    return Text(f"{delivery.status}{tries}", style="red")


def _why(history: History) -> str:
    """The decision that matters most for this message, in the journal's own words."""
    message = history.message
    if message.status is not Status.ROUTED:
        _, unmet, clause = message.detail.rpartition("not met: ")
        return f"{message.status}: {unmet}{clause}"
    deferred = [fact.detail for delivery in history.deliveries for fact in delivery.events if fact.kind == "deferred"]
    if deferred:
        return f"tried again: {deferred[0]}"
    if any(fact.kind == "repeat" for fact in message.events):
        return "came twice: not routed again"
    decided = next((each for each in history.deliveries), None)
    if decided is None:
        return ""
    get = decided.attributes.get
    if decided.status is Status.FILTERED:
        return decided.detail
    if decided.route in _PERSON:
        return get("match.rule") or get("recipient.rule") or f"no LOINC code for {get('codes.unmapped')}"
    return f"{get('notice.kind')} {get('notice.event')}: {get('recipient.rule') or get('match.rule')}"
