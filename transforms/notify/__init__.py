"""Notifications: whom a message is about, what happened, who is told, and that each is told once."""
