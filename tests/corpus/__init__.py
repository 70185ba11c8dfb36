"""What the conversions between HL7 v2 and FHIR are worth, in figures: `python -m tests.corpus`."""
