"""The files in a ZIP from outside, read in memory and within limits: nothing is ever written by a name it gives."""

from __future__ import annotations

import io
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass

from channels.direct.xdm.error import XdmError


@dataclass(frozen=True, slots=True)
class Limits:
    """What a package may cost: files, bytes once unpacked, how many times larger than packed, the metadata's bytes."""

    files: int = 500
    unpacked: int = 128 << 20
    ratio: int = 200
    metadata: int = 4 << 20


LIMITS = Limits()

_END = struct.Struct("<4s4H2LH")  # APPNOTE 6.3.10, 4.3.16
_END_SIGNATURE = b"PK\x05\x06"
_ZIP64_LOCATOR = b"PK\x06\x07"
_LOCATOR_BYTES = 20
_LONGEST_COMMENT = 0x10000
_LOCAL_HEADER_BYTES = 30
_BYTES_OF_DIRECTORY = 1024
_SMALL = 1 << 20
"""What unpacks to less is no bomb, whatever its ratio."""
_LONGEST_NAME = 255
_DRIVE = re.compile(r"[A-Za-z]:")
_ENCRYPTED = 0x1
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_LITTER = re.compile(r"(?:^|/)(?:\.[^/]*|__MACOSX/.*|Thumbs\.db|desktop\.ini)\Z", re.IGNORECASE)


def read_archive(body: bytes, limits: Limits = LIMITS) -> dict[str, bytes]:
    """The files in `body` by their paths, which have slashes, no dots, and differ by more than case.

    Folders and what desktops leave behind (`.DS_Store`) are left out. Raises `XdmError` for paths that lead out of the
    package, links, encryption, files that overlap or stand twice, and for what breaks `limits` or the format.
    """
    _check_directory(body, limits)
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as file:
            entries = file.infolist()
            _check_entries(entries, file.start_dir, limits)
            return _read(file, entries, limits)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError, struct.error, OSError):
        raise XdmError(
            "xdm-damaged", "the package is no ZIP that can be read", "its sender has to send it again"
        ) from None


def _check_directory(body: bytes, limits: Limits) -> None:
    """Refuse a directory that is too long before anything reads it."""
    at = len(body) - _END.size
    if at < 0 or body[at : at + 4] != _END_SIGNATURE or body[-2:] != b"\0\0":
        at = body.rfind(_END_SIGNATURE, max(0, len(body) - _END.size - _LONGEST_COMMENT))
    if at < 0 or at + _END.size > len(body):
        raise XdmError("xdm-damaged", "the package is no whole ZIP", "its sender has to send it again")
    if body[max(0, at - _LOCATOR_BYTES) :].startswith(_ZIP64_LOCATOR):
        raise XdmError("xdm-zip64", "the package is written as ZIP64, for files larger than are taken")
    _, _, _, _, files, directory, _, _ = _END.unpack_from(body, at)
    if files > limits.files or directory > limits.files * _BYTES_OF_DIRECTORY:
        raise XdmError("xdm-too-many", f"the package holds more than {limits.files} files")


def _check_entries(entries: list[zipfile.ZipInfo], directory: int, limits: Limits) -> None:
    if len(entries) > limits.files:
        raise XdmError("xdm-too-many", f"the package holds more than {limits.files} files")
    end = 0
    for entry in sorted(entries, key=lambda entry: entry.header_offset):
        if entry.header_offset < 0:
            raise XdmError("xdm-damaged", "the package lacks its beginning", "its sender has to send it again")
        if entry.header_offset < end:
            raise XdmError("xdm-overlap", "files in the package overlap")
        end = entry.header_offset + _LOCAL_HEADER_BYTES + entry.compress_size
        if end > directory:
            raise XdmError("xdm-overlap", "a file in the package reaches into its directory")
        if entry.flag_bits & _ENCRYPTED:
            raise XdmError("xdm-encrypted", "a file in the package is encrypted")
        if entry.compress_type not in _METHODS:
            raise XdmError("xdm-method", "a file in the package is packed by a method that XDM does not use")
        kind = stat.S_IFMT(entry.external_attr >> 16)
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise XdmError("xdm-link", "the package holds a link or a device")
        if entry.file_size > _SMALL and entry.file_size > limits.ratio * max(1, entry.compress_size):
            raise XdmError("xdm-bomb", f"a file in the package unpacks to more than {limits.ratio} times its size")
    if sum(entry.file_size for entry in entries) > limits.unpacked:
        raise XdmError("xdm-too-large", f"the package unpacks to more than {limits.unpacked >> 20} MB")


def _read(file: zipfile.ZipFile, entries: Iterable[zipfile.ZipInfo], limits: Limits) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    known: set[str] = set()
    left = limits.unpacked
    for entry in entries:
        path = safe_path(entry.filename)
        if not path or entry.filename.endswith(("/", "\\")):
            continue
        if path.lower() in known:
            raise XdmError("xdm-duplicate", "two files in the package have the same name")
        known.add(path.lower())
        if _LITTER.search(path):
            continue
        with file.open(entry) as content:
            data = content.read(left + 1)
        if len(data) > left:
            raise XdmError("xdm-too-large", f"the package unpacks to more than {limits.unpacked >> 20} MB")
        left -= len(data)
        found[path] = data
    return found


def safe_path(name: str) -> str:
    """`name` with slashes between its parts and without empty ones; raises `XdmError` for one that leads elsewhere."""
    text = name.replace("\\", "/")
    parts = [part for part in text.split("/") if part not in ("", ".")]
    absolute = text.startswith("/") or _DRIVE.match(text)
    if absolute or ".." in parts or len(text) > _LONGEST_NAME or not text.isprintable():
        raise XdmError("xdm-path", "a path in the package leads out of it, or is none", "its sender has to correct it")
    return "/".join(parts)
