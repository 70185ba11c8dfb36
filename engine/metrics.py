"""What is counted, in Prometheus' form. Labels are names from the configuration, never anything from a message."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from engine.deliver import Deliverer
from engine.flow import Flow
from engine.gather import Gatherer
from engine.observed import Observed


class EngineCollector:
    """Reads the engine's own counters when asked."""

    def __init__(self, engine: Observed) -> None:
        self._engine = engine

    def collect(self) -> Iterator[Metric]:
        """Every metric family."""
        flows = self._engine.flows
        yield from _acceptance(flows)
        yield from _stages(flows)
        yield GaugeMetricFamily("hie_journal_backlog", "Writes that wait for a commit.", self._engine.journal.backlog)
        yield GaugeMetricFamily("hie_backbone_up", "Whether tickets reach their consumers.", self._engine.backbone.up)
        tickets = CounterMetricFamily("hie_tickets", "Tickets by what became of them.", labels=["state"])
        counts = self._engine.backbone.counts
        for state in ("put", "dropped", "handed", "failed"):
            tickets.add_metric([state], getattr(counts, state))
        yield tickets


def render(engine: Observed) -> bytes:
    """The metrics of `engine` in Prometheus' text form."""
    registry = CollectorRegistry()
    registry.register(EngineCollector(engine))
    return generate_latest(registry)


def _acceptance(flows: Mapping[str, Flow]) -> Iterator[Metric]:
    received = CounterMetricFamily("hie_received", "Messages received, by receipt.", labels=["channel", "receipt"])
    listening = GaugeMetricFamily("hie_listening", "Whether the inbound end is at work.", labels=["channel"])
    for name, flow in flows.items():
        for receipt in ("accepted", "rejected", "failed", "repeated"):
            received.add_metric([name, receipt], getattr(flow.acceptor, receipt))
        listening.add_metric([name], flow.listening)
    yield received
    yield listening


def _stages(flows: Mapping[str, Flow]) -> Iterator[Metric]:
    routed = CounterMetricFamily("hie_routed", "Messages routed, by what came of it.", labels=["channel", "result"])
    outcomes = CounterMetricFamily("hie_deliveries", "Deliveries attempted, by outcome.", labels=["queue", "outcome"])
    in_hand = GaugeMetricFamily("hie_in_hand", "Messages that a stage holds in memory.", labels=["queue"])
    paused = GaugeMetricFamily("hie_paused", "Whether a route waits for its partner.", labels=["queue"])
    ended = CounterMetricFamily("hie_stages_ended", "Stages that a defect ended; they begin again.", labels=["queue"])
    for name, flow in flows.items():
        for status, count in flow.routing.counts.items():
            routed.add_metric([name, status.value], count)
        for queue in sorted(flow.queues):
            ended.add_metric([queue], flow.stages.ended.get(queue, 0))
        for queue, worker in flow.workers.items():
            if isinstance(worker, Deliverer | Gatherer):
                for status, count in worker.counts.items():
                    if count:
                        outcomes.add_metric([queue, status.value], count)
                in_hand.add_metric([queue], worker.in_hand)
                paused.add_metric([queue], worker.paused_until is not None)
    yield routed
    yield outcomes
    yield in_hand
    yield paused
    yield ended
