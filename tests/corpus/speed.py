"""How long a conversion takes: from the bytes of a message to its bundle."""

from __future__ import annotations

import statistics
import time
import warnings
from collections.abc import Callable

import hl7

from schemas.hl7v2 import Er7
from tests.corpus.examine import NOW
from tests.corpus.figures import Figure
from tests.corpus.inputs import SAMPLES
from transforms.v2_to_fhir import Options, convert

ADT_CEILING, ORU_CEILING = 0.8, 2.5
"""The most that each may take, in milliseconds, on a machine where python-hl7 parses the ADT^A01 in `REFERENCE`."""
REFERENCE = 1.0
"""What python-hl7 took for the ADT^A01 where the ceilings were set, in milliseconds."""
_TURN = 0.01
_TURNS = 60


def adt() -> bytes:
    """The ADT^A01 of the samples."""
    return (SAMPLES / "adt_a01.hl7").read_bytes()


def oru() -> bytes:
    """An ORU^R01 of one order with 20 observations, made of the sample's own lines."""
    lines = (SAMPLES / "oru_r01.hl7").read_bytes().rstrip(b"\r").split(b"\r")
    head = [line for line in lines if line[:3] in (b"MSH", b"PID", b"PV1")]
    order = [next(line for line in lines if line[:3] == name) for name in (b"ORC", b"OBR") if _has(lines, name)]
    results = [line for line in lines if line[:3] == b"OBX"]
    made = []
    for number in range(1, 21):
        fields = results[(number - 1) % len(results)].split(b"|")
        fields[1] = str(number).encode()
        fields[4] = str(number).encode()
        made.append(b"|".join(fields))
    return b"\r".join([*head, *order, *made]) + b"\r"


def figures() -> list[Figure]:
    """The median of each work in milliseconds, in turns, so that what else the machine does falls on all alike."""
    options = Options()
    works: dict[str, Callable[[], object]] = {}
    for name, body in (("ADT^A01", adt()), ("ORU^R01 with 20 OBX", oru())):
        text = body.decode()
        works[f"{name} to bundle"] = lambda body=body: convert(Er7.parse(body), options, NOW)
        works[f"{name}: our parser, all fields"] = lambda body=body: [each.fields for each in Er7.parse(body).segments]
        works[f"{name}: python-hl7's parser"] = lambda text=text: hl7.parse(text)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = medians(works)
    ceilings = {"ADT^A01 to bundle": ADT_CEILING, "ORU^R01 with 20 OBX to bundle": ORU_CEILING}
    python_hl7 = found["ADT^A01: python-hl7's parser"]
    shown = []
    for name, milliseconds in found.items():
        ratio = f"{milliseconds / python_hl7:.2f} of what python-hl7 takes for the ADT^A01 ({python_hl7:.3f} ms)"
        ceiling = ceilings.get(name)
        of = ratio
        if ceiling is not None:
            scaled = milliseconds / python_hl7 * REFERENCE
            of = f"{ratio}; {scaled:.3f} ms where that takes {REFERENCE:.0f} ms; {len(_body(name)):,} bytes"
        shown.append(Figure("speed", f"median time, {name}", milliseconds, "ms", ceiling, ceiling is not None, of))
    return shown


def medians(works: dict[str, Callable[[], object]]) -> dict[str, float]:
    """The median milliseconds that one call of each work takes, measured in turns."""
    times: dict[str, list[float]] = {name: [] for name in works}
    for work in works.values():
        work()
    for _ in range(_TURNS):
        for name, work in works.items():
            end = time.perf_counter() + _TURN
            while True:
                start = time.perf_counter()
                work()
                now = time.perf_counter()
                times[name].append(now - start)
                if now > end:
                    break
    return {name: 1000 * statistics.median(each) for name, each in times.items()}


def _body(name: str) -> bytes:
    return adt() if name.startswith("ADT") else oru()


def _has(lines: list[bytes], name: bytes) -> bool:
    return any(line[:3] == name for line in lines)
