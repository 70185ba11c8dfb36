"""The tables that ship in this folder, read with the plain CSV reader.

`schemas.tables` reads what an engineer wrote and is strict with it, cell by cell; these files are part of the program
and checked by its tests. A code map of a site also gives one target for a code, where the guide gives several.
"""

import csv
from importlib.resources import files


def rows(name: str) -> list[list[str]]:
    """The rows of the table `name` below its heading line."""
    text = files(__package__).joinpath(name).read_text("utf-8")
    return list(csv.reader(text.splitlines()))[1:]
