"""The message maps: what each segment of a message becomes, and how the resources belong together."""
