"""The backbone carries tickets from stage to stage: in one process, or over RabbitMQ between many."""

from engine.backbone.choose import backbone_at
from engine.backbone.protocol import Backbone, Counts, Handle, Subscription

__all__ = ["Backbone", "Counts", "Handle", "Subscription", "backbone_at"]
