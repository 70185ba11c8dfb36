"""Times as HL7 v2 writes them."""

from datetime import datetime


def timestamp(moment: datetime) -> str:
    """`moment`, with a time zone, to the second (data type DTM, HL7 v2.9, 2A.3.22): `20260131093000+0100`."""
    if moment.utcoffset() is None:
        raise ValueError("a timestamp needs a moment with a time zone")
    return f"{moment:%Y%m%d%H%M%S%z}"[:19]
