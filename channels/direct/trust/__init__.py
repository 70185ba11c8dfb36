"""Whether a certificate speaks for an address, and whether those it is meant for trust it."""
