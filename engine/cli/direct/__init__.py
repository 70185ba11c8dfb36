"""`hie direct`: keys, certificates, trust and where recipients' certificates are."""
