"""Direct secure messaging: mail that is signed and encrypted between addresses that trust each other."""
