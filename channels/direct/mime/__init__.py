"""Mail: read as places in its octets, strictly, and written anew only by whoever sends it."""

from channels.direct.mime.address import Address, parse_list
from channels.direct.mime.attachment import Attachment, attachments
from channels.direct.mime.build import new_boundary, write_headers, write_mail, write_multipart, write_part
from channels.direct.mime.entity import Entity
from channels.direct.mime.error import MimeError
from channels.direct.mime.headers import Header, Headers, Octets
from channels.direct.mime.mail import MailFacts
from channels.direct.mime.words import decode_words, encode_words

__all__ = [
    "Address",
    "Attachment",
    "Entity",
    "Header",
    "Headers",
    "MailFacts",
    "MimeError",
    "Octets",
    "attachments",
    "decode_words",
    "encode_words",
    "new_boundary",
    "parse_list",
    "write_headers",
    "write_mail",
    "write_multipart",
    "write_part",
]
