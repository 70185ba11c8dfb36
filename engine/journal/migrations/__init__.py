"""The journal's schema versions; `versions/` holds one file for each."""
