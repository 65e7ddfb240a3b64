"""Figures for Prometheus: how many requests, how they ended, how long they took.

One histogram says all three; its count is the number of requests. The children of its labels
are looked up once per operation and status.
"""

import os
from collections.abc import Callable
from typing import Final

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
    multiprocess,
)
from prometheus_client.gc_collector import GCCollector
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

CONTENT_TYPE: Final = CONTENT_TYPE_LATEST
_DIRECTORY: Final = "PROMETHEUS_MULTIPROC_DIR"
_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)

Observe = Callable[[float], None]


class Metrics:
    """The figures of one process; with several, each writes files that every one can read."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._shared = _DIRECTORY in os.environ
        self._durations = Histogram(
            "ordrebok_http_request_duration_seconds",
            "Time from the request's head to its answer, by operation and status.",
            ("operation", "status"),
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self.in_flight = 0
        self.finished = 0
        """Requests that were answered so far."""
        self._outcomes: dict[str, Counter] = {}
        self._in_flight = Gauge(
            "ordrebok_http_requests_in_flight",
            "Requests that are being answered now.",
            multiprocess_mode="livesum",
            registry=self.registry,
        )
        self._deliveries = Counter(
            "ordrebok_deliveries",
            "Attempts to deliver to subscriptions, by outcome; what failed is tried again.",
            ("outcome",),
            registry=self.registry,
        )
        self._behind = Gauge(
            "ordrebok_deliveries_behind",
            "Changes that the active subscription furthest behind has not come to yet.",
            multiprocess_mode="livemax",
            registry=self.registry,
        )
        if not self._shared:
            ProcessCollector(registry=self.registry)
            PlatformCollector(registry=self.registry)
            GCCollector(registry=self.registry)

    def write(self) -> None:
        """Put the count of requests in flight where it is read."""
        self._in_flight.set(self.in_flight)

    def observer(self, operation: str, status: int) -> Observe:
        """Return what takes the seconds of one request."""
        return self._durations.labels(operation, str(status)).observe

    def answered(self) -> int:
        """Return how many requests this process has answered so far."""
        return self.finished

    def delivery(self, outcome: str) -> None:
        """Count an attempt to deliver."""
        counter = self._outcomes.get(outcome)
        if counter is None:
            counter = self._outcomes[outcome] = self._deliveries.labels(outcome)
        counter.inc()

    def behind(self, changes: int) -> None:
        """Take how many changes the subscription furthest behind has not come to yet."""
        self._behind.set(changes)

    def text(self) -> bytes:
        """Return the figures, of all processes together where there are several."""
        self.write()
        if not self._shared:
            return generate_latest(self.registry)
        everybody = CollectorRegistry()
        multiprocess.MultiProcessCollector(everybody)  # type: ignore[no-untyped-call]
        return generate_latest(everybody)
