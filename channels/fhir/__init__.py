"""The `fhir` end: FHIR R4 over HTTP."""
