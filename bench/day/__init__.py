"""A day of ADT messages, who must hear of what by what really happened, and the partners that send and count."""
