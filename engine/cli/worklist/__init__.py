"""The commands below `hie worklist`."""
