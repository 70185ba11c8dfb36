"""What runs: accept, route, deliver; the journal and the backbone; configuration and commands."""
