"""The steps: functions from a message to one, several or none."""

from transforms.step import STEPS, Step, StepError, step

__all__ = ["STEPS", "Step", "StepError", "step"]
