"""The commands below `hie registry`."""
