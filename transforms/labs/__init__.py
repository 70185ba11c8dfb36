"""Results of laboratories: whose they are, that the newest counts, and the forms that they go out in."""
