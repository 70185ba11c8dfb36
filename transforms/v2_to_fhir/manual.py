"""The pages of the manual on what becomes of what, made from the maps, the guide's rows and the samples."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime

from schemas.hl7v2 import Er7
from transforms.accounting import Use
from transforms.v2_to_fhir.guide import Row, rows
from transforms.v2_to_fhir.messages.dispatch import MAPS, MessageMap
from transforms.v2_to_fhir.options import Options
from transforms.v2_to_fhir.report import account
from transforms.v2_to_fhir.run import Handler, Run

FOLDER = "reference/v2-to-fhir"
_NOW = datetime(2026, 1, 1, tzinfo=UTC)
_INDEX = re.compile(r"\[\d+\]")
_MOST_TARGETS = 4
_EVERY_OTHER = "every other"


class _ShownError(Exception):
    """The walk of a map is known."""


class _Shown(Run):
    """A run that takes nothing in: it only learns which handler a map gives each segment to."""

    handlers: Mapping[str, Handler]

    def walk(self, handlers: Mapping[str, Handler]) -> None:
        """Keep the handlers, and stop the map."""
        self.handlers = handlers
        raise _ShownError


def pages(samples: Mapping[str, bytes]) -> dict[str, str]:
    """Every page by its path under `docs/`; `samples` are messages by the name of their file."""
    kinds = sorted({kind for kind, _ in MAPS})
    by_kind: dict[str, dict[str, Er7]] = {kind: {} for kind in kinds}
    for name, body in samples.items():
        er7 = Er7.parse(body)
        if er7.message_type in by_kind:
            by_kind[er7.message_type][name] = er7
    made = {f"{FOLDER}/{kind.lower()}.md": _message_page(kind, by_kind[kind]) for kind in kinds}
    made[f"{FOLDER}/segments.md"] = _guide_page("segment", "Segments")
    made[f"{FOLDER}/datatypes.md"] = _guide_page("datatype", "Data types")
    return made


def handlers_of(chosen: MessageMap) -> Mapping[str, Handler]:
    """The handler that the message map `chosen` gives each segment to."""
    run = _Shown(Er7.parse(b"MSH|^~\\&|||||||ZZZ^Z01\r"), Options(), _NOW)
    try:
        chosen(run)
    except _ShownError:
        return run.handlers
    raise TypeError(f"{chosen.__name__} walks no segments")


def _message_page(kind: str, samples: Mapping[str, Er7]) -> str:
    chosen: dict[MessageMap, list[str]] = {}
    for (each, event), function in MAPS.items():
        if each == kind:
            chosen.setdefault(function, []).append(event or _EVERY_OTHER)
    lines = [f"# {kind} to FHIR", "", "| trigger event | map |", "|---|---|"]
    lines += [f"| {', '.join(sorted(events))} | {_said(function)} |" for function, events in chosen.items()]
    lines += ["", "## Segments", "", "| segment | what becomes of it |", "|---|---|"]
    handlers: dict[str, Handler] = {}
    for function in chosen:
        handlers.update(handlers_of(function))
    lines += [f"| {name} | {_said(handler).removeprefix(f'{name}: ')} |" for name, handler in handlers.items()]
    lines += ["", "[Segments](segments.md) has the guide's rows. A segment that is not in this table is kept whole."]
    if samples:
        named = ", ".join(f"`{name}`" for name in samples)
        lines += ["", "## Elements", "", f"As found by taking each out of the samples: {named}.", ""]
        lines += ["| element | | where to, or why not |", "|---|---|---|", *_element_lines(samples.values())]
    return "\n".join([*lines, ""])


def _element_lines(samples: Iterable[Er7]) -> Iterator[str]:
    """A line for each element that is populated in any of the samples, occurrences and repetitions together."""
    found: dict[str, list[Use]] = {}
    for er7 in samples:
        for use in account(er7, Options(), _NOW):
            found.setdefault(_INDEX.sub("", use.path), []).append(use)
    for path, uses in sorted(found.items(), key=lambda each: _place(each[0])):
        fates = ", ".join(dict.fromkeys(use.use for use in uses))
        targets = list(dict.fromkeys(target for use in uses for target in use.targets))
        where = ", ".join(f"`{target}`" for target in targets[:_MOST_TARGETS])
        if len(targets) > _MOST_TARGETS:
            where += f" and {len(targets) - _MOST_TARGETS} more"
        reason = next((use.reason for use in uses if use.reason), "")
        yield f"| {path} | {fates} | {where or reason} |"


def _place(path: str) -> tuple[str, list[int]]:
    """The order of the standard: `MSH` first, then by segment, field and component."""
    name, _, element = path.partition("-")
    return ("" if name == "MSH" else name, [int(number) for number in element.split(".")])


def _guide_page(kind: str, title: str) -> str:
    lines = [f"# {title}", "", "The rows of HL7's guide that have a target, and how each is done here.", ""]
    by_map: dict[str, list[Row]] = {}
    for row in rows():
        if row.kind == kind:
            by_map.setdefault(row.map, []).append(row)
    for name, own in by_map.items():
        lines += [f"## {name}", "", "| element | FHIR | otherwise than the guide |", "|---|---|---|"]
        lines += dict.fromkeys(_row_lines(own))
        lines.append("")
    return "\n".join(lines)


def _row_lines(own: list[Row]) -> Iterator[str]:
    for row in own:
        path = row.path.replace("|", "\\|")
        yield f"| {row.identifier or '(always)'} | `{path}` | {row.deviation} |"


def _said(function: MessageMap | Handler) -> str:
    """The first sentence of a function's docstring, on one line."""
    text = " ".join((inspect.getdoc(function) or "").partition("\n\n")[0].split())
    return text.replace("|", "\\|")
