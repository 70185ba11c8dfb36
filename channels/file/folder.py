"""A folder shared with a partner: what lies in it, and moves that never overwrite and survive a power cut."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

MOST_NAMESAKES = 10_000
"""How many files of one name, told apart by a suffix, a folder may come to hold."""

_NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EACCES}


@dataclass(frozen=True, slots=True)
class Entry:
    """A regular file as a listing shows it: `size` in bytes, `modified` in nanoseconds since 1970."""

    name: str
    size: int
    modified: int
    inode: int


def listing(folder: Path, pattern: str, ignore: Iterable[str]) -> list[Entry]:
    """The regular files of `folder` whose name fits `pattern` and none of `ignore`, oldest first, then by name.

    Dotfiles, links, folders and devices are passed over. Raises `OSError`.
    """
    entries: list[Entry] = []
    with os.scandir(folder) as found:
        for each in found:
            name = each.name
            if name.startswith(".") or not fnmatchcase(name, pattern) or any(fnmatchcase(name, no) for no in ignore):
                continue
            try:
                seen = each.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue
            if stat.S_ISREG(seen.st_mode):
                entries.append(Entry(name, seen.st_size, seen.st_mtime_ns, seen.st_ino))
    return sorted(entries, key=lambda entry: (entry.modified, os.fsencode(entry.name)))


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` durable; does nothing where the file system cannot (some network shares)."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with contextlib.suppress(OSError):
            os.fsync(handle)
    finally:
        os.close(handle)


def write_durably(path: Path, content: bytes, mode: int) -> None:
    """Write `content` to the new file `path` down to the disk; leaves nothing behind when it raises `OSError`."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with open(handle, "wb") as file:  # noqa: PTH123 - takes the handle
            file.write(content)
            file.flush()
            with contextlib.suppress(PermissionError):  # a share without modes
                os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
    except OSError:
        with contextlib.suppress(OSError):
            path.unlink()
        raise


def suffixed(name: str, count: int) -> str:
    """The `count`-th file called `name`: `suffixed("a.hl7", 2)` is `a-2.hl7`, the first is `a.hl7` itself."""
    if count == 1:
        return name
    stem, dot, extension = name.rpartition(".")
    return f"{stem}-{count}.{extension}" if dot and stem else f"{name}-{count}"


def move_new(source: Path, target: Path) -> bool:
    """Give the file `source` the name `target` in one step; False, and nothing moved, when that name is taken.

    A `target` that is `source` under a second name (a move that a crash cut short) counts as moved. Both must lie in
    one file system. Raises `OSError`.
    """
    try:
        os.link(source, target, follow_symlinks=False)
    except FileExistsError:
        if not _same(source, target):
            return False
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        if os.path.lexists(target):
            return False
        source.rename(target)  # no hard links here: the check above is all there is against a namesake
        return True
    source.unlink()
    return True


def _same(source: Path, target: Path) -> bool:
    one, other = source.lstat(), target.lstat()
    return (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino)


def move_beside(source: Path, folder: Path, name: str) -> Path:
    """Move `source` into `folder` as `name`, or as `name` with a number where that is taken; the path it then has."""
    for count in range(1, MOST_NAMESAKES + 1):
        target = folder / suffixed(name, count)
        if move_new(source, target):
            return target
    raise OSError(errno.EEXIST, f"{MOST_NAMESAKES} files of one name; empty the folder", str(folder))


def open_folder(folder: Path, site: Path) -> None:
    """See that `folder` exists; makes it when it lies inside the site. Raises `OSError`.

    Elsewhere it must exist already: a share that is not mounted is noticed, and not written under.
    """
    if folder.is_relative_to(site):
        folder.mkdir(parents=True, exist_ok=True)
    if not folder.is_dir():
        raise NotADirectoryError(errno.ENOENT, "no such folder; make it, or mount the share that holds it", str(folder))
