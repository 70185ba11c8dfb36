"""Referrals as IHE's 360X sends them within a package: OMG^O19, OSU^O51 and SIU of HL7 v2."""

from transforms.refer.x360.orders import read_order
from transforms.refer.x360.schedule import read_schedule
from transforms.refer.x360.write import write_360x

__all__ = ["read_order", "read_schedule", "write_360x"]
