"""The data types of CDA as those of FHIR."""
