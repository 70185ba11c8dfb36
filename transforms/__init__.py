"""The steps: functions from a message to one, several or none."""

from transforms import codes, edit, select, split, v2_to_ccda, validate
from transforms.ccda_to_fhir import step as ccda_to_fhir
from transforms.fhir_to_ccda import step as fhir_to_ccda
from transforms.fhir_to_v2 import step as fhir_to_v2
from transforms.labs import find_recipient, result_to_pdf, result_to_text, split_orders, tell_result, to_elr
from transforms.notify import (
    adt_to_alert_bundle,
    adt_to_ccda,
    adt_to_text,
    match_subscriptions,
    notify_event,
    once,
    panel,
    sensitive,
    to_practice_adt,
)
from transforms.refer import track
from transforms.step import STEPS, Nothing, Step, StepError, sets, step
from transforms.v2_to_fhir import step as v2_to_fhir

__all__ = [
    "STEPS",
    "Nothing",
    "Step",
    "StepError",
    "adt_to_alert_bundle",
    "adt_to_ccda",
    "adt_to_text",
    "ccda_to_fhir",
    "codes",
    "edit",
    "fhir_to_ccda",
    "fhir_to_v2",
    "find_recipient",
    "match_subscriptions",
    "notify_event",
    "once",
    "panel",
    "result_to_pdf",
    "result_to_text",
    "select",
    "sensitive",
    "sets",
    "split",
    "split_orders",
    "step",
    "tell_result",
    "to_elr",
    "to_practice_adt",
    "track",
    "v2_to_ccda",
    "v2_to_fhir",
    "validate",
]
