"""Direct's transport: mails in by an SMTP server, and out through a relay."""
