"""`python -m engine` is `hie`."""

from engine.cli import main

main()
