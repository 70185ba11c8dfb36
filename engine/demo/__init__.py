"""The demo: the sample site at work with stand-in partners, on one screen, and checked against what was to happen."""

from engine.demo.run import run_demo

__all__ = ["run_demo"]
