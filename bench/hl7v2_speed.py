"""Parse an ADT^A01, read 20 fields and write it back: this model, python-hl7, hl7apy and a bare split, side by side.

    python bench/hl7v2_speed.py [FILE]

Prints the median of each in microseconds and its ratio to this model. `edited` sets one field before writing, so that
the message is really put together again.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import hl7
from hl7apy.parser import parse_message

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from schemas.hl7v2 import Er7, acknowledge, header

SAMPLE = Path(__file__).resolve().parents[1] / "samples" / "hl7v2" / "adt_a01.hl7"
FIELDS = (
    *("MSH-3", "MSH-4", "MSH-7", "MSH-9.1", "MSH-9.2", "MSH-10", "MSH-12", "EVN-2"),
    *("PID-3.1", "PID-3.4", "PID-5.1", "PID-5.2", "PID-7", "PID-8", "PID-11.1", "PID-11.3", "PID-18"),
    *("PV1-2", "PV1-3.1", "PV1-19.1"),
)
LIMIT = 60.0
"""The most that this model may take, in microseconds."""


def ours(body: bytes) -> bytes:
    message = Er7.parse(body)
    for path in FIELDS:
        message.get(path)
    return message.encode()


def ours_edited(body: bytes) -> bytes:
    message = Er7.parse(body)
    for path in FIELDS:
        message.get(path)
    message.set("PV1-3.1", "5E")
    return message.encode()


def split_only(body: bytes) -> bytes:
    lines = [line.split("|") for line in body.decode().split("\r")]
    found = {line[0]: line for line in lines}
    for segment, field, component in _PLACES:
        value = found[segment][field]
        if component:
            value.split("^")[component - 1]
    return "\r".join(["|".join(line) for line in lines]).encode()


def _place(path: str) -> tuple[str, int, int]:
    segment, _, rest = path.partition("-")
    field, _, component = rest.partition(".")
    return segment, int(field) - (segment == "MSH"), int(component or 0)


_PLACES = [_place(path) for path in FIELDS]


def python_hl7(body: bytes) -> bytes:
    message = hl7.parse(body.decode())
    for path in FIELDS:
        message[_dotted(path)]
    return str(message).encode()


def _dotted(path: str) -> str:
    segment, _, rest = path.partition("-")
    field, _, component = rest.partition(".")
    return f"{segment}.F{field}.R1.C{component}" if component else f"{segment}.F{field}"


def hl7apy(body: bytes) -> bytes:
    message = parse_message(body.decode(), find_groups=False)
    for path in FIELDS:
        segment, _, rest = path.lower().partition("-")
        field, _, component = rest.partition(".")
        found = getattr(getattr(message, segment), f"{segment}_{field}")
        if component and len(found):
            found = getattr(found[0], f"{found[0].datatype.lower()}_{component}")
        if len(found):
            found[0].to_er7()
    return bytes(message.to_er7().encode())


def median(work: Callable[[bytes], object], body: bytes, seconds: float) -> float:
    """The median duration of `work`, in microseconds, over as many runs as fit in `seconds` (at least 5)."""
    work(body)
    taken: list[float] = []
    stop = time.perf_counter() + seconds
    while len(taken) < 5 or time.perf_counter() < stop:
        started = time.perf_counter()
        work(body)
        taken.append(time.perf_counter() - started)
    return statistics.median(taken) * 1e6


def main() -> int:
    body = Path(sys.argv[1] if len(sys.argv) > 1 else SAMPLE).read_bytes()
    now = datetime.now(UTC)
    rows = [
        ("ours, as it is", median(ours, body, 1.0)),
        ("ours, edited", median(ours_edited, body, 1.0)),
        ("bare split and join", median(split_only, body, 1.0)),
        ("python-hl7", median(python_hl7, body, 1.5)),
        ("hl7apy", median(hl7apy, body, 2.0)),
    ]
    base = rows[0][1]
    print(f"{len(body)} bytes, {len(FIELDS)} fields")
    for name, taken in rows:
        print(f"{name:<22}{taken:>12.1f} µs {taken / base:>10.1f} x")
    print(f"{'header alone':<22}{median(header, body, 0.5):>12.1f} µs")
    answered = median(lambda each: acknowledge(each, "AA", control_id="1", now=now), body, 0.5)
    print(f"{'acknowledgment':<22}{answered:>12.1f} µs")
    print(f"limit {LIMIT:.0f} µs: {'met' if rows[1][1] <= LIMIT else 'NOT MET'}")
    return 0 if rows[1][1] <= LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
