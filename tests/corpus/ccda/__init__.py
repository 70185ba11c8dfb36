"""What the conversions between C-CDA and FHIR are worth, in figures: `python -m tests.corpus.ccda`."""
