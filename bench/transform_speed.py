"""HL7 v2 to FHIR: the median time from the bytes of a message to its bundle, beside two parsers.

    python -m bench.transform_speed

An ADT^A01 of 1.1 KB (0.8 ms at most) and an ORU^R01 with 20 OBX (2.5 ms at most), without the optional validation.
"""

from __future__ import annotations

import sys

from tests.corpus.figures import table
from tests.corpus.speed import figures

if __name__ == "__main__":
    found = figures()
    print(table(found))
    sys.exit(0 if all(each.holds for each in found) else 1)
