"""The tables that ship in this folder, read with the plain CSV reader.

`schemas.tables` reads what an engineer wrote and is strict with it, cell by cell; these files are part of the program
and checked by its tests. A code map of a site also gives one target for a code, where the guide gives several.
"""

import csv
from pathlib import Path


def rows(name: str) -> list[list[str]]:
    """The rows of the table `name` below its heading line."""
    with Path(__file__).with_name(name).open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))[1:]
