"""Referrals as chapter 11 of HL7 v2 sends them: REF^I12 to I15, and RRI in answer."""

from transforms.refer.ref.read import read_ref
from transforms.refer.ref.write import write_ref

__all__ = ["read_ref", "write_ref"]
