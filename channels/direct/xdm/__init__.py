"""XDM: packages of clinical documents with what is said about them, read and written."""

from channels.direct.xdm.archive import LIMITS, Limits
from channels.direct.xdm.error import XdmError
from channels.direct.xdm.facts import attributes_of
from channels.direct.xdm.package import Author, Code, Document, Entry, Package, Submission
from channels.direct.xdm.read import read_xdm
from channels.direct.xdm.write import SUBJECT, Sending, submit, write_xdm

__all__ = [
    "LIMITS",
    "SUBJECT",
    "Author",
    "Code",
    "Document",
    "Entry",
    "Limits",
    "Package",
    "Sending",
    "Submission",
    "XdmError",
    "attributes_of",
    "read_xdm",
    "submit",
    "write_xdm",
]
