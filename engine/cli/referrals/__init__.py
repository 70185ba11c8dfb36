"""The commands below `hie referrals`."""
