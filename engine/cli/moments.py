"""Times as an operator writes them: how long, how long ago, a time of today, a date, a date and a time."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Any

import click

from schemas.values import parse_duration

if TYPE_CHECKING:
    _Moment = click.ParamType[datetime]
    _Age = click.ParamType[timedelta]
else:
    _Moment = _Age = click.ParamType


class Age(_Age):
    """`90m` or `3d`."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """The duration that `value` names."""
        if isinstance(value, timedelta):
            return value
        try:
            return parse_duration(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class Moment(_Moment):
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
