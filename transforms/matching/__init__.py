"""Whether two descriptions of a person are of the same one: by identifiers first, then by weighed demographics."""

from transforms.matching import normal
from transforms.matching.decide import Decision, Verdict, decide
from transforms.matching.model import Model
from transforms.matching.person import Address, Name, Person

__all__ = ["Address", "Decision", "Model", "Name", "Person", "Verdict", "decide", "normal"]
