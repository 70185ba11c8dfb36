"""A claim: files that one process took out of a folder; no other process takes them, none is lost with the process.

The files of a claim lie in `.working/<id>/` inside the folder. `.working/<id>.lock` is locked for as long as the
process that made the claim lives; a claim whose lock is free belongs to nobody and is adopted. The id of the claim is
on the disk, and the ids of its messages are derived from it: read again after a crash, a file gives the same messages.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
from collections.abc import Callable, Collection, Iterable
from pathlib import Path

from channels.file.folder import Entry, listing, sync_folder

WORKING = ".working"


class Claim:
    """The files in one claim, held by this process until `release`."""

    def __init__(self, working: Path, claim_id: str, handle: int) -> None:
        self.id = claim_id
        self.path = working / claim_id
        self._working = working
        self._handle = handle

    @classmethod
    def take(cls, folder: Path, names: Iterable[str], new_id: Callable[[], str]) -> Claim | None:
        """Claim the files `names` of `folder`, durably; None when others were quicker for all. Raises `OSError`."""
        working = folder / WORKING
        working.mkdir(mode=0o700, exist_ok=True)
        claim = None
        while claim is None:
            claim = cls._lock(working, new_id())
        taken = 0
        try:
            claim.path.mkdir(mode=0o700)
            for name in names:
                with contextlib.suppress(FileNotFoundError):  # another process was quicker
                    (folder / name).rename(claim.path / name)
                    taken += 1
        except OSError:
            if not taken:
                claim.release()
                raise  # with files taken, the next claim meets the same error
        if not taken:
            claim.release()
            return None
        try:
            for touched in (claim.path, working, folder):
                sync_folder(touched)
        except OSError:
            claim.let_go()  # adopted with the next poll
            raise
        return claim

    @classmethod
    def adopt(cls, folder: Path, held: Collection[str] = ()) -> list[Claim]:
        """Every claim in `folder` whose process is gone, the oldest first; `held` are ours. Raises `OSError`."""
        working = folder / WORKING
        try:
            names = os.listdir(working)  # noqa: PTH208 - names are enough
        except FileNotFoundError:
            return []
        adopted: list[Claim] = []
        for claim_id in sorted({name.removesuffix(".lock") for name in names}.difference(held)):
            claim = cls._lock(working, claim_id)
            if claim is None:
                continue
            if claim.path.is_dir():
                adopted.append(claim)
            else:
                claim.release()
        return adopted

    @classmethod
    def _lock(cls, working: Path, claim_id: str) -> Claim | None:
        path = working / f"{claim_id}.lock"
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(handle), path.stat()):
                return cls(working, claim_id, handle)
        except (BlockingIOError, FileNotFoundError):  # held by another process, or released by it just now
            pass
        except OSError:
            os.close(handle)
            raise
        os.close(handle)
        return None

    def files(self) -> list[Entry]:
        """The files still in the claim, oldest first, then by name. Raises `OSError`."""
        return listing(self.path, "*", ())

    def let_go(self) -> None:
        """Leave the claim to whoever adopts it; its files stay."""
        os.close(self._handle)

    def release(self) -> None:
        """Remove the emptied claim; one that is not empty after all stays, to be adopted. Raises `OSError`."""
        try:
            with contextlib.suppress(FileNotFoundError):
                self.path.rmdir()
            (self._working / f"{self.id}.lock").unlink()
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
        finally:
            os.close(self._handle)
