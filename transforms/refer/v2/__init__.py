"""Referrals in HL7 v2: what 360X (OMG, OSU, SIU) and chapter 11 (REF, RRI) write alike."""
