"""The codes of a referral that 360X and chapter 11 have in common."""

from __future__ import annotations

from transforms.refer.referral import Coded

RP = Coded("RP", "http://terminology.hl7.org/CodeSystem/v2-0286", "Referring Provider")
RT = Coded("RT", "http://terminology.hl7.org/CodeSystem/v2-0286", "Referred to Provider")
REFERRAL_NOTE = Coded("57133-1", "http://loinc.org", "Referral note")
"""OBR-4 of what every 360X order asks for, and in REF and RRI of the group that tells how far the consultation has
come."""
