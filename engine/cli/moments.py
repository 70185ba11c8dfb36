"""Moments as an operator writes them: an age, a time of today, a date, a date and a time."""

from __future__ import annotations

from datetime import datetime, time
from typing import TYPE_CHECKING, Any

import click

from schemas.values import parse_duration

if TYPE_CHECKING:
    _Type = click.ParamType[datetime]
else:
    _Type = click.ParamType


class Moment(_Type):
    """`90m` or `3d` (so long ago), `14:30` (today), `2026-03-01`, `2026-03-01T14:30`; in the machine's zone."""

    name = "when"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """The moment that `value` names."""
        if isinstance(value, datetime):
            return value
        now = datetime.now().astimezone()
        try:
            return now - parse_duration(value)
        except (ValueError, OverflowError):
            pass
        try:
            return datetime.combine(now.date(), time.fromisoformat(value)).astimezone()
        except ValueError:
            pass
        try:
            return datetime.fromisoformat(value).astimezone()
        except ValueError:
            self.fail(f"{value!r} is no moment: write 90m, 3d, 14:30, 2026-03-01 or 2026-03-01T14:30", param, ctx)
