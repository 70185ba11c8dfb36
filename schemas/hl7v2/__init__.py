"""HL7 v2: messages in ER7 encoding, read, edited and written back without loss."""

from schemas.hl7v2.delimiters import Delimiters
from schemas.hl7v2.er7 import Er7
from schemas.hl7v2.error import Hl7Error
from schemas.hl7v2.path import Path
from schemas.hl7v2.segment import Segment

__all__ = ["Delimiters", "Er7", "Hl7Error", "Path", "Segment"]
