"""``/health/live``, ``/health/ready`` and ``/metrics`` (Prometheus)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from starlette.responses import JSONResponse, Response

from reference_impl.shinsei_kanri.clock import Clock
from reference_impl.shinsei_kanri.intake import Intake
from reference_impl.shinsei_kanri.operations import state
from reference_impl.shinsei_kanri.scanner import ScannerTrouble
from reference_impl.shinsei_kanri.web import Call, Operation


def checks(engine: Engine, intake: Intake) -> dict[str, bool]:
    """What has to stand so that an application that arrives now is taken in, and whether it does."""
    found = {"database": False, "schema": False, "worker": False, "scanner": False}
    try:
        with engine.connect() as connection:
            found["database"] = True
            found["schema"] = state.schema_is_current(connection)
            found["worker"] = state.live_workers(connection) > 0
        intake.check_scanner()
        found["scanner"] = True
    except (SQLAlchemyError, ScannerTrouble):
        pass  # what is still False tells it
    return found


def operations(engine: Engine, clock: Clock, intake: Intake, sources: Sequence[str]) -> list[Operation]:
    """Health is open to a load balancer; metrics need the control token."""

    def live(_: Call) -> Response:
        return JSONResponse({"status": "ok"})

    def ready(_: Call) -> Response:
        """200 when an application that arrives now is taken in; 503 with what stands in the way."""
        found = checks(engine, intake)
        good = all(found.values())
        return JSONResponse({"status": "ok" if good else "unavailable", "checks": found}, 200 if good else 503)

    def metrics(_: Call) -> Response:
        with engine.connect() as connection:
            now = clock.now()
            body = exposition(state.snapshot(connection, now), state.registers(connection, list(sources), now))
        return Response(body, media_type="text/plain; version=0.0.4; charset=utf-8")

    return [
        Operation("GET", "/health/live", live, open=True),
        Operation("GET", "/health/ready", ready, open=True),
        Operation("GET", "/metrics", metrics),
    ]


def exposition(found: state.Snapshot, registers: Iterable[state.Register]) -> bytes:
    """The snapshot in Prometheus' text format."""
    from prometheus_client import CollectorRegistry, Gauge, generate_latest  # loaded by the first scrape only

    registry = CollectorRegistry()

    def gauge(name: str, what: str, *labels: str) -> Gauge:
        return Gauge(f"shinsei_{name}", what, labels, registry=registry)

    for axis, counts in (
        ("ingestion", found.by_ingestion),
        ("review", found.by_review),
        ("handover", found.by_handover),
    ):
        applications = gauge(f"applications_by_{axis}", f"applications by {axis}", "state")
        for name, count in counts.items():
            applications.labels(name).set(count)
    gauge("persons_open", "people whom staff have to identify").set(found.persons_open)
    gauge("reminders", "review done, resident's status never updated").set(found.reminders)
    gauge("handover_oldest_seconds", "age of the oldest application that waits for its core system").set(
        found.oldest_waiting_seconds
    )
    queue = gauge("queue_jobs", "jobs in the queue", "status")
    for name, count in found.queue.items():
        queue.labels(name).set(count)
    gauge("workers", "workers alive").set(found.workers)
    ages = gauge("register_age_seconds", "age of a synchronised copy; NaN when it was never taken over", "source")
    for one in registers:
        ages.labels(one.source).set(float("nan") if one.age is None else one.age.total_seconds())
    return generate_latest(registry)
