"""The engine's own load test: a sender, a receiver, and a whole engine process between them."""
