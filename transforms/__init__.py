"""The steps: functions from a message to one, several or none."""

from transforms import codes, edit, select, split, validate
from transforms.step import STEPS, Step, StepError, sets, step
from transforms.v2_to_fhir import step as v2_to_fhir

__all__ = ["STEPS", "Step", "StepError", "codes", "edit", "select", "sets", "split", "step", "v2_to_fhir", "validate"]
