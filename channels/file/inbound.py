"""The inbound `file` end: polls a folder and hands over what partners put there."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import hashlib
import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Literal

from pydantic import PositiveInt

from channels.ends import Accept, EndContext, Receipt, ReceiptCode
from channels.file.claim import WORKING, Claim
from channels.file.content import read_content
from channels.file.folder import Entry, listing, move_beside, open_folder, sync_folder, write_durably
from channels.file.settling import Settling
from channels.formats import Format
from schemas.finding import Finding, Severity
from schemas.ids import derived_id
from schemas.message import Message
from schemas.values import Duration, SiteFile, Size

UNFINISHED = ("*.tmp", "*.part", "*.partial", "*.filepart", "*.crdownload", "*~")
"""Names that programs give to files they are still writing."""

_CLAIM = 100  # files in one claim: the price of making a claim durable is paid once for all of them
_SHORTEST_POLL = 0.01  # seconds
_LISTED = 1000  # messages of one file that its .why text explains


@dataclass(slots=True)
class _Work:
    """What is known of one claimed file: how it looked, and what became of each of its messages."""

    entry: Entry
    receipts: dict[int, Receipt] = field(default_factory=dict)


class FileInbound:
    """Takes the files of a folder, oldest first, and moves each away once all its messages are durable.

    A file is taken when it has stopped changing, by one process only. A file with several HL7 v2 messages (FHS/BHS
    batch, or MSH after MSH) gives one message each. A file with a rejected message goes to `failed`, with the reason in
    `NAME.why` beside it. While the journal is down, files wait.

    Adds `file.name`, `file.modified`, and for a file of several messages `file.position` and `file.count`.

    Args:
        folder: The folder to read. Links, folders and dotfiles in it are left alone.
        pattern: Which names are taken, with `*`, `?` and `[...]`.
        ignore: Names that are never taken; the default is what programs call a file they are still writing.
        poll: How often the folder is looked at.
        settle: How long size and modification time of a file must have stayed the same.
        format: What the files hold: `hl7v2`, `fhir` (JSON), `ccda`, `text`, `binary`, or `auto` to tell by the content.
        charset: The character set of messages without MSH-18, a name of HL7 table 0211.
        limit: The largest file that is read; a larger one goes to `failed`.
        after: What becomes of an accepted file: `move` it to `processed`, or `delete` it.
        processed: Where accepted files go; `processed` inside the folder unless given. Same file system as the folder.
        failed: Where files that cannot be accepted go; `failed` inside the folder unless given. Same file system.
        parallel: How many messages may wait for the journal at once. More than 1 is faster, but after a failure of the
            journal a later message may be accepted before an earlier one.
    """

    def __init__(
        self,
        context: EndContext,
        *,
        folder: SiteFile,
        pattern: str = "*",
        ignore: Sequence[str] = UNFINISHED,
        poll: Duration = timedelta(seconds=2),
        settle: Duration = timedelta(seconds=2),
        format: Format = "auto",
        charset: str | None = None,
        limit: Size = 64 << 20,
        after: Literal["move", "delete"] = "move",
        processed: SiteFile | None = None,
        failed: SiteFile | None = None,
        parallel: PositiveInt = 1,
    ) -> None:
        self._context = context
        self._folder = folder
        self._pattern = pattern
        self._ignore = tuple(ignore)
        self._poll = max(poll.total_seconds(), _SHORTEST_POLL)
        self._settling = Settling(settle)
        self._format: Format = format
        self._charset = charset
        self._limit = limit
        self._delete = after == "delete"
        self._processed = folder / "processed" if processed is None else processed
        self._failed = folder / "failed" if failed is None else failed
        self._parallel = parallel
        self._claims: list[Claim] = []
        self._work: dict[tuple[str, str], _Work] = {}
        self._said: Counter[str] = Counter()
        self._trouble = ""

    async def serve(self, accept: Accept, ready: Callable[[], None]) -> None:
        """Take files until cancelled; see `Inbound.serve`."""
        await asyncio.to_thread(self._open)
        stop = asyncio.Event()
        watch = asyncio.create_task(self._watch(accept, stop))
        ready()
        try:
            await asyncio.shield(watch)
        except asyncio.CancelledError:
            stop.set()
            await watch
            raise

    def _open(self) -> None:
        open_folder(self._folder, self._context.site)
        targets = [self._failed] if self._delete else [self._processed, self._failed]
        for target in targets:
            if target.parent == self._folder:
                target.mkdir(exist_ok=True)
            open_folder(target, self._context.site)
        (self._folder / WORKING).mkdir(mode=0o700, exist_ok=True)
        device = self._folder.stat().st_dev
        for target in targets:
            if target.samefile(self._folder):
                raise OSError(errno.EINVAL, "this must be another folder than the one that is read", str(target))
            if target.stat().st_dev != device:
                raise OSError(errno.EXDEV, f"this must lie in the same file system as {self._folder}", str(target))
            if not os.access(target, os.W_OK | os.X_OK):
                raise PermissionError(errno.EACCES, "the engine may not write here", str(target))

    async def _watch(self, accept: Accept, stop: asyncio.Event) -> None:
        try:
            while not stop.is_set():
                try:
                    await self._round(accept, stop)
                    self._report("")
                except OSError as error:
                    self._report(f"the folder cannot be read or files cannot be moved: {error.strerror or error}")
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), self._poll)
        finally:
            for claim in self._claims:
                claim.let_go()
            self._claims.clear()

    async def _round(self, accept: Accept, stop: asyncio.Event) -> None:
        """Look once, and offer everything that is whole; stops early when the journal is down."""
        held = [claim.id for claim in self._claims]
        self._claims += await asyncio.to_thread(Claim.adopt, self._folder, held)
        for claim in list(self._claims):
            if not await self._offer_claim(claim, accept, stop):
                return
        entries = await asyncio.to_thread(listing, self._folder, self._pattern, self._ignore)
        whole = self._settling.whole(entries, asyncio.get_running_loop().time())
        for start in range(0, len(whole), _CLAIM):
            if stop.is_set():
                return
            some = whole[start : start + _CLAIM]
            names = [each.name for each in some]
            taken = await asyncio.to_thread(Claim.take, self._folder, names, self._context.new_id)
            if taken is None:
                continue
            self._claims.append(taken)
            self._work.update({(taken.id, each.name): _Work(each) for each in some})
            if not await self._offer_claim(taken, accept, stop):
                return

    async def _offer_claim(self, claim: Claim, accept: Accept, stop: asyncio.Event) -> bool:
        """Offer the files left in `claim`; False when the journal did not take one, or the end is to stop."""
        left = await asyncio.to_thread(claim.files)
        remaining = False
        for entry in left:
            if stop.is_set():
                return False
            work = self._work.setdefault((claim.id, entry.name), _Work(entry))
            if _changed(work.entry, entry):  # its writer was not done after all
                self._work[claim.id, entry.name] = _Work(entry)
                remaining = True
                continue
            if not await self._offer_file(claim, work, accept, stop):
                return False
            remaining |= (claim.id, entry.name) in self._work
        if not remaining:
            await asyncio.to_thread(claim.release)
            self._claims.remove(claim)
            self._work = {key: work for key, work in self._work.items() if key[0] != claim.id}
        return True

    async def _offer_file(self, claim: Claim, work: _Work, accept: Accept, stop: asyncio.Event) -> bool:
        path = claim.path / work.entry.name
        if work.entry.size > self._limit:
            await self._refuse(claim, path, [f"the file is larger than the limit of {self._limit} bytes"])
            return True
        try:
            content = await asyncio.to_thread(_read, path, work.entry)
        except PermissionError:
            await self._refuse(claim, path, ["the engine may not read the file; its owner must grant that"])
            return True
        if content is None:
            return True  # changed while it was read; looked at again with the next poll
        messages = self._messages(claim, path.name, work.entry, content)
        todo = [index for index in range(len(messages)) if index not in work.receipts]
        for start in range(0, len(todo), self._parallel):
            if stop.is_set():
                return False
            window = todo[start : start + self._parallel]
            receipts = await asyncio.gather(*(self._accept(accept, messages[index]) for index in window))
            kept = {
                i: receipt for i, receipt in zip(window, receipts, strict=True) if receipt.code != ReceiptCode.FAILED
            }
            work.receipts.update(kept)
            if len(kept) < len(window):
                return False
        rejected = {i: each for i, each in sorted(work.receipts.items()) if each.code == ReceiptCode.REJECTED}
        if rejected:
            await self._refuse(claim, path, _reasons(rejected, len(messages)))
        else:
            await asyncio.to_thread(self._finish, claim, path)
        return True

    async def _accept(self, accept: Accept, message: Message) -> Receipt:
        try:
            return await accept(message)
        except Exception as error:  # whatever it is, the file must not be taken for accepted
            what = f"accepting a message failed with {type(error).__name__}"
            self._say("FILE-103", self._folder, what, "the file waits and is offered again", Severity.ERROR)
            return Receipt(ReceiptCode.FAILED, "the engine could not take the message")

    def _messages(self, claim: Claim, name: str, entry: Entry, content: bytes) -> list[Message]:
        format, parts, findings = read_content(content, self._format)
        moment = self._context.now()
        modified = moment.fromtimestamp(entry.modified / 1e9, tz=moment.tzinfo)
        attributes = {
            "file.name": os.fsencode(name).decode("utf-8", "replace"),
            "file.modified": modified.isoformat(timespec="milliseconds"),
        }
        if self._charset:
            attributes["body.charset"] = self._charset
        source = os.fsencode(name).hex()
        messages: list[Message] = []
        for index, body in enumerate(parts):
            place = {"file.position": str(index + 1), "file.count": str(len(parts))} if len(parts) > 1 else {}
            messages.append(
                Message(
                    id=derived_id(claim.id, f"{source}/{index}/{hashlib.sha256(body).hexdigest()}"),
                    channel=self._context.channel,
                    format=format,
                    body=body,
                    received=moment,
                    attributes={**attributes, **place},
                    findings=() if index else findings,
                )
            )
        return messages

    def _finish(self, claim: Claim, path: Path) -> None:
        if self._delete:
            path.unlink()
        else:
            move_beside(path, self._processed, path.name)
            sync_folder(self._processed)
        sync_folder(claim.path)
        self._work.pop((claim.id, path.name))

    async def _refuse(self, claim: Claim, path: Path, reasons: list[str]) -> None:
        await asyncio.to_thread(self._set_aside, claim, path, reasons)
        self._say(
            "FILE-102",
            self._failed,
            "a file was set aside because it, or a message in it, cannot be accepted",
            "NAME.why beside it says why; put the file back into the folder to have it tried again",
            Severity.WARNING,
        )

    def _set_aside(self, claim: Claim, path: Path, reasons: list[str]) -> None:
        aside = move_beside(path, self._failed, path.name)
        why = "\n".join(
            [f"{self._context.now().isoformat(timespec='seconds')} channel {self._context.channel}", *reasons]
        )
        with contextlib.suppress(FileExistsError):  # an older text of the same name, its file taken away by somebody
            write_durably(self._failed / f"{aside.name}.why", f"{why}\n".encode(), 0o640)
        sync_folder(self._failed)
        sync_folder(claim.path)
        self._work.pop((claim.id, path.name))

    def _say(self, code: str, folder: Path, what: str, hint: str, severity: Severity) -> None:
        """Report what happens again and again the 1st, 2nd, 4th, 8th time and so on."""
        self._said[code] += 1
        times = self._said[code]
        if times & (times - 1) == 0:
            again = f" (time {times})" if times > 1 else ""
            self._context.report(Finding(code, str(folder), f"{what}{again}", hint, severity))

    def _report(self, trouble: str) -> None:
        """Say once that something is wrong with the folder, and once that it is well again."""
        if trouble == self._trouble:
            return
        self._trouble = trouble
        self._context.report(
            Finding("FILE-101", str(self._folder), trouble, "it is tried again with every poll")
            if trouble
            else Finding("FILE-100", str(self._folder), "the folder is read again", severity=Severity.INFORMATION)
        )


def _changed(before: Entry, after: Entry) -> bool:
    return (before.size, before.modified, before.inode) != (after.size, after.modified, after.inode)


def _read(path: Path, entry: Entry) -> bytes | None:
    """The content of the file, None when it is no longer the one that `entry` shows. Raises `OSError`."""
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(handle, "rb") as file:  # noqa: PTH123 - takes the handle
        content = file.read(entry.size + 1)
        now = os.fstat(handle)
    unchanged = not _changed(entry, Entry(entry.name, now.st_size, now.st_mtime_ns, now.st_ino))
    return content if unchanged and len(content) == entry.size else None


def _reasons(rejected: dict[int, Receipt], count: int) -> list[str]:
    lines = [f"{len(rejected)} of {count} messages rejected; the others, if any, were accepted"]
    for index, receipt in list(rejected.items())[:_LISTED]:
        where = f"{receipt.where}: " if receipt.where else ""
        code = f" (table 0357: {receipt.error})" if receipt.error else ""
        lines.append(f"message {index + 1}: {where}{receipt.reason or 'rejected'}{code}")
    if len(rejected) > _LISTED:
        lines.append(f"and {len(rejected) - _LISTED} more")
    return lines
