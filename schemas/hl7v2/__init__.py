"""HL7 v2: messages in ER7 encoding, read, edited, acknowledged and written back without loss."""

from schemas.hl7v2.ack import Ack, ack_mode, acknowledge, read_ack, wants_accept_ack, wants_application_ack
from schemas.hl7v2.batch import Batch, BatchMessage, build_batch, split_batch
from schemas.hl7v2.build import build
from schemas.hl7v2.delimiters import Delimiters
from schemas.hl7v2.er7 import Er7
from schemas.hl7v2.err import AckError
from schemas.hl7v2.error import Hl7Error
from schemas.hl7v2.header import Header, header
from schemas.hl7v2.path import Path
from schemas.hl7v2.segment import Segment
from schemas.hl7v2.times import timestamp

__all__ = [
    "Ack",
    "AckError",
    "Batch",
    "BatchMessage",
    "Delimiters",
    "Er7",
    "Header",
    "Hl7Error",
    "Path",
    "Segment",
    "ack_mode",
    "acknowledge",
    "build",
    "build_batch",
    "header",
    "read_ack",
    "split_batch",
    "timestamp",
    "wants_accept_ack",
    "wants_application_ack",
]
