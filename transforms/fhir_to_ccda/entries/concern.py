"""The act that keeps an allergy or a problem in view: its id, and from when to when, as a document had them."""

from __future__ import annotations

import re

from schemas.ccda.namespaces import SDTC, V3, XSI
from schemas.xml import XmlError, parse_xml
from transforms.ccda_to_fhir.extensions import CCDA_ELEMENT
from transforms.fhir_node import Node
from transforms.fhir_to_ccda.datatypes.ids import is_root
from transforms.fhir_to_ccda.datatypes.times import is_ts, low_high, ts_text
from transforms.fhir_to_ccda.element import Element, clean, make
from transforms.fhir_to_ccda.entries.common import act, authors, related, status
from transforms.fhir_to_ccda.run import Run

_INDEX = re.compile(r"\[\d+\]")


def concern(
    resource: Node,
    inner: Element,
    template: tuple[str, str],
    code: Element,
    run: Run,
    *,
    over: bool,
    kind: str = "SUBJ",
) -> Element:
    """The act of `template` about `inner`, the observation of an allergy or a problem that is `over` or not."""
    made = act(template)
    id = _kept(resource, "id")
    if id is not None and is_root(id.get("root", "")):
        made.append(make("id", root=id.get("root", ""), extension=id.get("extension", "")))
    else:
        made.append(make("id", root=run.uuid("concern", run.own_id(resource))))
    made.append(code)
    made.append(status("completed" if over else "active"))
    low, high = _span(resource)
    made.append(low_high(low or ts_text(resource, "recordedDate", run), high, kind="IVL_TS", ended=over))
    made.extend(authors(resource, run, ("recorder", "recordedDate")))
    made.append(related(kind, inner))
    return made


def _span(resource: Node) -> tuple[str, str]:
    """From when to when a document was concerned, "" where it does not say so."""
    time = _kept(resource, "effectiveTime")
    if time is None:
        return "", ""
    values = {str(each.tag).rpartition("}")[2]: each.get("value", "") for each in time}
    low, high = values.get("low", "") or time.get("value", ""), values.get("high", "")
    return low if is_ts(low) else "", high if is_ts(high) else ""


def _kept(resource: Node, name: str) -> Element | None:
    """The element of that name of the act around an entry, as it was kept; None where none can be read."""
    for each in resource.extensions(CCDA_ELEMENT):
        path = _INDEX.sub("", each.extension("path").peek("valueString"))
        if not path.endswith(f"/entry/act/{name}"):
            continue
        xml = clean(each.extension("value").text("valueString"))
        each.extension("path").text("valueString")
        try:
            holder = parse_xml(f'<x xmlns="{V3}" xmlns:sdtc="{SDTC}" xmlns:xsi="{XSI}">{xml}</x>'.encode())
        except XmlError:
            return None
        return next(iter(holder), None)
    return None
