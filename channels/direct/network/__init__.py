"""What Direct asks of other hosts, whose names come from strangers: names, addresses that may be reached, documents."""
