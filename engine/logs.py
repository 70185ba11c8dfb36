"""Log lines for people or for collectors. Nothing that is logged quotes a message."""

from __future__ import annotations

import asyncio
import logging
import sys
import traceback
from datetime import UTC, datetime
from typing import Any

import orjson

from engine.config.settings import Log

log = logging.getLogger(__name__)


class TextFormatter(logging.Formatter):
    """One line for an event: time, level, logger, text. A traceback shows places, never an exception's own text."""

    def format(self, record: logging.LogRecord) -> str:
        """The line for `record`."""
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line = f"{time} {record.levelname.lower():7} {record.name}: {record.getMessage()}"
        return "\n".join([line, *_trace(record)])


class JsonFormatter(logging.Formatter):
    """One JSON object for an event."""

    def format(self, record: logging.LogRecord) -> str:
        """The line for `record`."""
        event: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "text": record.getMessage(),
        }
        trace = _trace(record)
        if trace:
            event["trace"] = trace
        return orjson.dumps(event, default=str).decode()


def _trace(record: logging.LogRecord) -> list[str]:
    # An exception's text may quote what was being worked on, a patient's data among it; its type and places do not.
    if not record.exc_info or record.exc_info[1] is None:
        return []
    error = record.exc_info[1]
    frames = traceback.extract_tb(error.__traceback__)
    return [f"  {type(error).__name__}", *(f"    {frame.filename}:{frame.lineno} {frame.name}" for frame in frames)]


def report_unhandled(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Log what nobody in the event loop handled; a loop's own handler would quote arguments and the exception."""
    error = context.get("exception")
    if isinstance(error, BaseException):
        log.error("an error that nothing handled: this is a defect", exc_info=error)
    else:
        log.error("the event loop noticed a defect")


def set_up(settings: Log) -> None:
    """Log to standard error as the site's settings say."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if settings.format == "json" else TextFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.level.upper())
    for noisy in ("httpx", "httpcore", "pika", "alembic", "asyncio", "uvicorn"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
