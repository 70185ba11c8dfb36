"""The site of the day: one channel from the hospitals to the subscribers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from bench.day.oracle import WANTS
from bench.day.people import LAKESIDE, REGION, RIVERSIDE
from bench.day.visits import EMERGENCY

CHANNEL = "day"
DOUBTFUL = f"{CHANNEL}/doubtful"
"""The queue of what is left to a person."""

_CHANNEL = """\
channel: {name}
description: ADT of the region's hospitals to who is to be told.
inbound:
  mllp: {{listen: 127.0.0.1:{port}}}
steps:
  - notify_event: {{emergency_units: [{emergency}]}}
  - match_panel
  - drop_opted_out
  - tell_once
routes:
  - route: payer
    when: {{subscriber.delivery: mllp}}
    steps:
      - set: {{{said}}}
    outbound:
      mllp: {{connect: "{{subscriber.address}}", tls: none}}
    in_order: PID-3.1
    parallel: 4
  - route: fhir
    when: {{subscriber.delivery: fhir}}
    steps:
      - adt_to_alert_bundle
    outbound:
      fhir: {{base: "{{subscriber.address}}", tls: none}}
    in_order: notice.patient
    parallel: 4
  - route: folder
    when: {{subscriber.delivery: direct}}
    steps:
      - set: {{{said}}}
    outbound:
      file: {{folder: var/out, name: "{{message.id}}.hl7"}}
  - route: doubtful
    when: {{match.verdict: review}}
    outbound: worklist
"""

_FACTS = ("subscriber.id", "notice.kind", "notice.phase", "notice.event")
_SAID = ", ".join(f'ZNT-{n}: "{{{name}}}"' for n, name in enumerate(_FACTS, 1))
"""What a notice in HL7 v2 is told by, for the comparison."""


def channel(port: int) -> str:
    """The channel's file; hospitals send to `port`."""
    return _CHANNEL.format(name=CHANNEL, port=port, emergency=EMERGENCY, said=_SAID)


def write_subscribers(site: Path, payer: int, practice: int) -> None:
    """Who is told: a payer over MLLP, a practice with a FHIR server, and one that has a folder emptied."""
    ways: Mapping[str, tuple[str, str]] = {
        REGION: ("mllp", f"127.0.0.1:{payer}"),
        RIVERSIDE: ("fhir", f"http://127.0.0.1:{practice}/fhir"),
        LAKESIDE: ("direct", "lakeside@direct.example.org"),
    }
    text = ""
    for name, (delivery, address) in ways.items():
        text += f"{name}:\n  title: {name.title()}\n  events: [{', '.join(sorted(WANTS[name]))}]\n"
        text += f'  delivery: {delivery}\n  address: "{address}"\n'
    (site / "registry" / "subscribers.yaml").write_text(text)
