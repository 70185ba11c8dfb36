"""A package from outside, to documents with what is said about them: each is found, or the package is refused."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import unquote, urlsplit

from channels.direct.xdm.archive import LIMITS, Limits, read_archive, safe_path
from channels.direct.xdm.error import XdmError
from channels.direct.xdm.metadata import Described, read_metadata
from channels.direct.xdm.package import Document, Entry, Package, Submission
from schemas.finding import Finding, Severity

METADATA = "METADATA.XML"
_METADATA = re.compile(r"(?:^|/)(?:SUBSET\d\d)?METADATA\.XML\Z", re.IGNORECASE)
"""The Java reference implementation forgets the slash, and its documents lie at `IHE_XDM/SUBSET01NAME` likewise."""
ROOT = "IHE_XDM"
_ELSEWHERE = "XDM-104"
_PRESENTATION = ("INDEX.HTM", "README.TXT")
_STYLES = (".xsl", ".xslt", ".css", ".png", ".gif", ".jpg", ".ico", ".js")


def read_xdm(body: bytes, *, strict: bool = False, accept_wrong_hash: bool = True, limits: Limits = LIMITS) -> Package:
    """The documents in `body`, a package by IHE XDM (ITI TF-2, 3.32.4.1.2); raises `XdmError` where it is none.

    Taken are, unless `strict`: packages within a further folder or without IHE_XDM, names in small letters, separators
    of any kind, metadata without codes and patients, and documents without a URI where one file alone can be meant.
    What a package with a wrong hash or size holds is taken with a finding, or refused.
    """
    files = _Files(read_archive(body, limits))
    found = [path for path in files.data if _METADATA.search(path)]
    if strict:
        found = _strictly(files.data, found)
    if not found:
        raise XdmError("xdm-no-metadata", "the package has no METADATA.XML", "send the documents by themselves")
    findings: list[Finding] = []
    submissions: list[Submission] = []
    files.taken.update(found)
    for path in found:
        if len(files.data[path]) > limits.metadata:
            raise XdmError("xdm-metadata", f"METADATA.XML is larger than {limits.metadata >> 20} MB")
        folder = path[: -len(METADATA)]
        described = read_metadata(files.data[path], strict=strict)
        submissions += (_bound(each, files, folder, findings, accept_wrong_hash) for each in described)
    if strict and any(finding.code == _ELSEWHERE for finding in findings):
        raise XdmError("xdm-missing-document", "a document is not where its URI says")
    left = files.left("")
    if left:
        what = f"{len(left)} files in the package are not described by its metadata, and are left out"
        findings.append(Finding("XDM-103", "METADATA.XML", what, severity=Severity.WARNING))
    return Package(tuple(submissions), tuple(findings))


class _Files:
    """The files of a package, and which of them are documents already; each is hashed once at most."""

    def __init__(self, data: Mapping[str, bytes]) -> None:
        self.data = data
        self.by_name = {path.lower(): path for path in data}
        self.taken: set[str] = set()
        self._hashes: dict[str, str] = {}

    def take(self, path: str) -> str:
        if path in self.taken:
            raise XdmError("xdm-duplicate", "two documents in the metadata are the same file")
        self.taken.add(path)
        return path

    def left(self, folder: str) -> list[str]:
        """What in `folder` could be a document and is none yet."""
        return [path for path in self.data if path not in self.taken and path.startswith(folder) and _is_document(path)]

    def having(self, hash: str, folder: str) -> list[str]:
        """What of that has this hash; nothing has none."""
        return [path for path in self.left(folder) if self.hash(path) == hash] if hash else []

    def hash(self, path: str) -> str:
        if path not in self._hashes:
            self._hashes[path] = hashlib.sha1(self.data[path], usedforsecurity=False).hexdigest()
        return self._hashes[path]


def _strictly(files: Mapping[str, bytes], found: list[str]) -> list[str]:
    kept = [path for path in found if path.startswith(f"{ROOT}/") and path.count("/") == 2 and path.endswith(METADATA)]
    if len(kept) != len(found) or any(name not in files for name in _PRESENTATION):
        raise XdmError("xdm-layout", "the package is not laid out as IHE XDM has it")
    return kept


def _bound(
    described: Described, files: _Files, folder: str, findings: list[Finding], accept_wrong_hash: bool
) -> Submission:
    """The submission with its documents: first those whose URI says where they are, then those without one."""
    paths: dict[int, str] = {}
    for number, entry in enumerate(described.entries):
        if entry.uri and (path := _by_uri(entry, files, folder)):
            paths[number] = files.take(path)
    for number, entry in enumerate(described.entries):
        if number in paths:
            continue
        if entry.uri:
            paths[number] = files.take(_elsewhere(entry, files, folder))
            what = "the document is not where its URI says: the file that has its hash was taken"
            findings.append(Finding(_ELSEWHERE, f"document[{number}]", what, severity=Severity.WARNING))
        else:
            alone = len(described.entries) == len(paths) + 1
            paths[number] = files.take(_without_uri(entry, files, folder, alone))
    documents = []
    for number, entry in enumerate(described.entries):
        path = paths[number]
        data = files.data[path]
        wrong = _wrong(entry, data, files.hash(path))
        if wrong:
            if not accept_wrong_hash:
                raise XdmError("xdm-hash", f"a document in the package has another {wrong} than its metadata says")
            what = f"the document has another {wrong} than its metadata says"
            findings.append(Finding("XDM-101", f"document[{number}]", what, severity=Severity.WARNING))
        if not entry.uri:
            what = "the document has no URI: the only file that could be meant was taken"
            findings.append(Finding("XDM-102", f"document[{number}]", what, severity=Severity.WARNING))
        documents.append(Document(data, entry, path))
    return replace(described.submission, documents=tuple(documents))


def _by_uri(entry: Entry, files: _Files, folder: str) -> str:
    """Where the URI leads to, "" where nothing is; raises `XdmError` where it leads out of the package."""
    try:
        parts = urlsplit(entry.uri)
    except ValueError:
        raise XdmError("xdm-uri", "a document's URI is none") from None
    if parts.scheme or parts.netloc or parts.query or parts.fragment:
        raise XdmError("xdm-uri", "a document's URI leads out of the package", "its sender has to correct it")
    name = safe_path(unquote(parts.path))
    return files.by_name.get(f"{folder}{name}".lower()) or files.by_name.get(name.lower()) or ""


def _elsewhere(entry: Entry, files: _Files, folder: str) -> str:
    """The file that has the document's hash: names with umlauts are written in one code and said in another."""
    same = files.having(entry.hash, folder)
    if len(same) != 1:
        raise XdmError("xdm-missing-document", "a document that the metadata describes is not in the package")
    return same[0]


def _without_uri(entry: Entry, files: _Files, folder: str, alone: bool) -> str:
    """The file that has the document's hash; else the only one left for the only document left."""
    same, left = files.having(entry.hash, folder), files.left(folder)
    if len(same) == 1:
        return same[0]
    if alone and len(left) == 1:
        return left[0]
    raise XdmError("xdm-no-uri", "a document has no URI in the metadata, and no file is clearly meant")


def _wrong(entry: Entry, data: bytes, hash: str) -> str:
    if entry.hash and entry.hash != hash:
        return "hash"
    return "size" if entry.size and entry.size != str(len(data)) else ""


def _is_document(path: str) -> bool:
    """Whether a file can be a document: not the package's own pages, nor what styles them."""
    name = _name(path)
    return name.upper() not in _PRESENTATION and not _METADATA.search(path) and not name.lower().endswith(_STYLES)


def _name(path: str) -> str:
    return path.rpartition("/")[2]
