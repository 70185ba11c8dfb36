"""What health and metrics see of an engine."""

from __future__ import annotations

from typing import Protocol

from engine.backbone import Backbone
from engine.config.site import Site
from engine.flow import Flow
from engine.journal import Journal
from engine.ownership import Ownership
from schemas.finding import Finding


class Observed(Protocol):
    """An engine at work."""

    name: str
    site: Site
    journal: Journal
    backbone: Backbone
    ownership: Ownership
    flows: dict[str, Flow]

    async def reload(self) -> list[Finding]:
        """Take up what has changed in the site's files; what is wrong with them."""
        ...
