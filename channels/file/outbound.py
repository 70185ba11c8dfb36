"""The outbound `file` end: one message or one batch, one file, whole from the moment it can be seen."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, WithJsonSchema

from channels.ends import EndContext, Outcome, OutcomeCode, Together
from channels.file.batching import Batching, batch_of, refusal
from channels.file.folder import MOST_NAMESAKES, move_new, open_folder, suffixed, sync_folder, write_durably
from channels.file.naming import NameTemplate, file_name
from schemas.error import BodyError
from schemas.message import Message
from schemas.values import SiteFile

_UNFINISHED = ".hie-"
_STALE = 24 * 3600.0  # seconds after which an unfinished file was left by a crash
_HINTS = {
    errno.ENOSPC: "the disk is full; make room",
    errno.EDQUOT: "the quota is used up; make room or raise it",
    errno.EACCES: "permission denied; let the engine's user write to the folder",
    errno.EPERM: "not permitted; let the engine's user write to the folder",
    errno.EROFS: "the file system is read-only; remount it",
    errno.ENOENT: "no such folder; make it, or mount the share that holds it",
    errno.ENOTDIR: "this is not a folder",
    errno.ESTALE: "the share is gone; mount it again",
}
_NAME_TROUBLE = {
    errno.EEXIST: "too many files of one name, or a folder of that name; let `name` hold {message.id}",
    errno.ENAMETOOLONG: "the name is too long for this file system; shorten `name`",
    errno.EILSEQ: "this file system cannot write the name's characters; let `name` hold {message.id} alone",
    errno.EINVAL: "this file system cannot write the name's characters; let `name` hold {message.id} alone",
}


def _octal(mode: str) -> str:
    if 3 <= len(mode) <= 4 and all(digit in "01234567" for digit in mode) and int(mode, 8) <= 0o777:
        return mode
    raise ValueError("a mode is three octal digits, for example 640")


Mode = Annotated[str, AfterValidator(_octal), WithJsonSchema({"type": "string", "examples": ["640"]})]


class FileOutbound:
    """Writes each message to a file of its own: to a hidden name first, down to the disk, then renamed in one step.

    A reader of the folder never sees half a file, and no file is overwritten unless `existing` says so. A message that
    is delivered again finds its file with the same content and counts as delivered. A full disk, a missing folder or a
    missing permission makes the route wait.

    With `batch` several messages share a file, with FHS, BHS, BTS and FTS around them, in the order in which they were
    received; each counts as delivered when the whole file is in its place.

    Args:
        folder: Where the files go. Made when it is missing and inside the site; must exist elsewhere.
        name: The name of a file. What the message fills in cannot lead out of the folder: separators, control
            characters and leading dots become `_`.
        existing: What to do when a file of that name with another content is there: `keep_both` gives the new one a
            number (`a-2.hl7`), `replace` puts the new one in its place.
        mode: The permissions of the files, in octal digits.
        batch: Writes several HL7 v2 messages to one file; `name` is filled from the first.
    """

    def __init__(
        self,
        context: EndContext,
        *,
        folder: SiteFile,
        name: NameTemplate = "{message.id}.hl7",
        existing: Literal["keep_both", "replace"] = "keep_both",
        mode: Mode = "640",
        batch: Batching | None = None,
    ) -> None:
        self._context = context
        self._folder = folder
        self._name = name
        self._replace = existing == "replace"
        self._mode = int(mode, 8)
        self._swept = False
        self.together = None if batch is None else Together(batch.most, batch.wait)

    async def deliver(self, message: Message) -> Outcome:
        """Write `message` to its file; `reply` is the file's name."""
        if self.together is not None:
            return (await self.deliver_together((message,)))[0]
        return await self._written(message, (message,))

    async def deliver_together(self, messages: Sequence[Message]) -> list[Outcome]:
        """Write `messages` to one file, but those that cannot be in a batch; `reply` is the file's name."""
        reasons = await asyncio.to_thread(lambda: {message.id: refusal(message) for message in messages})
        fit = [message for message in messages if not reasons[message.id]]
        written = await self._written(fit[0], fit) if fit else None
        return [
            written if written is not None and not reasons[each.id] else Outcome(OutcomeCode.REFUSED, reasons[each.id])
            for each in messages
        ]

    async def _written(self, first: Message, messages: Sequence[Message]) -> Outcome:
        try:
            content = first.body if self.together is None else await asyncio.to_thread(batch_of, messages)
            name = await asyncio.to_thread(self._put, first, content)
        except BodyError as error:
            return Outcome(OutcomeCode.REFUSED, f"`name` cannot be filled from this message: {error}")
        except OSError as error:
            hint = _HINTS.get(error.errno or 0, error.strerror or type(error).__name__)
            if error.errno in _NAME_TROUBLE:
                return Outcome(OutcomeCode.REFUSED, f"{self._folder}: {_NAME_TROUBLE[error.errno]}")
            return Outcome(OutcomeCode.DEFERRED, f"{self._folder}: {hint}", unreachable=True)
        what = f"{len(content)} bytes" if self.together is None else f"{len(messages)} messages, {len(content)} bytes,"
        return Outcome(OutcomeCode.DELIVERED, f"{what} written to {self._folder}", os.fsencode(name))

    async def close(self) -> None:
        """Nothing is held between deliveries."""

    def _put(self, message: Message, content: bytes) -> str:
        """Put `content` into a file that is named by `message`; the name."""
        open_folder(self._folder, self._context.site)
        if not self._swept:
            self._sweep()
            self._swept = True
        name = file_name(self._name, message)
        unfinished = self._folder / f"{_UNFINISHED}{self._context.new_id()}.tmp"
        write_durably(unfinished, content, self._mode)
        try:
            if self._replace:
                unfinished.replace(self._folder / name)
            else:
                name = self._keep_both(unfinished, name, content)
        except IsADirectoryError:
            raise FileExistsError(errno.EEXIST, "a folder has this name") from None
        finally:
            with contextlib.suppress(FileNotFoundError):
                unfinished.unlink()
        sync_folder(self._folder)
        return name

    def _keep_both(self, unfinished: Path, name: str, body: bytes) -> str:
        for count in range(1, MOST_NAMESAKES + 1):
            target = self._folder / suffixed(name, count)
            if _holds(target, body) or move_new(unfinished, target):
                return target.name
        raise FileExistsError(errno.EEXIST, "too many files of one name")

    def _sweep(self) -> None:
        """Remove what a crash left half-written long ago."""
        for left in self._folder.glob(f"{_UNFINISHED}*.tmp"):
            with contextlib.suppress(OSError):
                if self._context.now().timestamp() - left.lstat().st_mtime > _STALE:
                    left.unlink()


def _holds(path: Path, body: bytes) -> bool:
    """Whether the file at `path` has exactly this content."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    with open(handle, "rb") as file:  # noqa: PTH123 - takes the handle
        try:
            return os.fstat(handle).st_size == len(body) and file.read(len(body) + 1) == body
        except OSError:
            return False
