"""Which backbone an address stands for."""

from __future__ import annotations

from engine.backbone.embedded import EmbeddedBackbone
from engine.backbone.protocol import Backbone


def backbone_at(address: str, *, site: str) -> Backbone:
    """The backbone at `address`: `embedded`, or an `amqp://` or `amqps://` URL, where the processes of one `site` share
    queues. Raises `ValueError` with a hint for any other, never quoting it: it may hold a password."""
    if address == "embedded":
        return EmbeddedBackbone()
    if address.startswith(("amqp://", "amqps://")):
        from engine.backbone.rabbitmq import RabbitMqBackbone  # noqa: PLC0415 - pika costs an embedded start 50 ms

        return RabbitMqBackbone(address, site=site)
    raise ValueError("a backbone is `embedded` or a URL amqp://USER:PASSWORD@HOST:5672/VHOST (amqps:// for TLS)")
