"""The weights: how much each agreement or contradiction says, in bits, and from where on a match is one."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Model:
    """The weights of the comparison, and its two thresholds; `docs/matching.md` explains each.

    A weight is about the binary logarithm of how much likelier the agreement is between two records of one person than
    between those of two. From `match` on two records are of one person; from `review` on a person has to look.
    """

    match: float = 24.0
    review: float = 14.0

    birth_date: float = 12.0
    birth_date_close: float = 6.0
    birth_date_differs: float = -10.0
    family: float = 8.0
    family_variant: float = 6.0
    family_close: float = 4.0
    family_differs: float = -5.0
    given: float = 6.0
    given_nickname: float = 5.0
    given_initial: float = 1.0
    given_close: float = 2.0
    given_differs: float = -12.0
    common_name: float = -2.5
    middle: float = 1.5
    middle_differs: float = -1.5
    suffix_differs: float = -6.0
    sex: float = 1.0
    sex_differs: float = -4.0
    ssn4: float = 11.0
    ssn4_differs: float = -5.0
    phone: float = 7.0
    street: float = 7.0
    postal_code: float = 2.5
    no_place_agrees: float = -1.0

    def __post_init__(self) -> None:
        """Raise `ValueError` where the thresholds are the wrong way round."""
        if not 0 < self.review <= self.match:
            raise ValueError("review must be above 0 and not above match")
