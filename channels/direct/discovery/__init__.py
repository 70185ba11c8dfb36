"""Where certificates of recipients are found: files, DNS, LDAP. Nothing is said here about trust."""
