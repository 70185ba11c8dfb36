"""MLLP: HL7 v2 over TCP, both ways."""
