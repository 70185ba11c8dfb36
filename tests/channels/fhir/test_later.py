"""Answers that come later: the outbound fhir end asks the status URL that a server names."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from channels.ends import OutcomeCode
from channels.fhir import FhirOutbound
from channels.fhir.replies import read_answer
from tests.channels.desk import Desk
from tests.channels.fhir.server import Asked, FhirServer, Told, serving
from tests.channels.fhir.test_outbound import NEW, PATIENT, WRONG, bundle, entry, message, response

DELIVERED, DEFERRED, REFUSED = OutcomeCode.DELIVERED, OutcomeCode.DEFERRED, OutcomeCode.REFUSED
PENDING = OutcomeCode.PENDING

SOON = {"Retry-After": "0"}
DONE = {"resourceType": "OperationOutcome", "issue": [{"severity": "information", "code": "informational"}]}


@pytest.fixture
def server() -> Iterator[FhirServer]:
    with serving() as made:
        yield made


def working(server: FhirServer, *statuses: Told, location: str = "/fhir/_status/1") -> Callable[[Asked], Told]:
    """Answers 202 to what is asked, and then what `statuses` says in turn, the last again and again."""
    left = list(statuses)

    def answer(asked: Asked) -> Told:
        if asked.method != "GET":
            return 202, None, {"Content-Location": location.replace("BASE", server.base)}
        assert asked.path.startswith("/fhir/_status/")
        return left.pop(0) if len(left) > 1 else left[0]

    return answer


def end(server: FhirServer, **options: Any) -> FhirOutbound:
    return FhirOutbound(Desk().context(Path()), base=server.base, **{"prefer": ["respond-async"], **options})


@pytest.mark.parametrize("location", ["/fhir/_status/1", "BASE/_status/1"])
async def test_the_status_is_asked_until_it_is_done(server: FhirServer, location: str) -> None:
    server.answer = working(server, (202, None, SOON), (429, None, SOON), (200, DONE, {}), location=location)
    out = end(server)
    outcome = await out.deliver(message(PATIENT))
    await out.close()
    assert (outcome.code, outcome.detail) == (DELIVERED, "200: done")
    assert [each.method for each in server.requests] == ["PUT", "GET", "GET", "GET"]
    kept = read_answer(outcome.reply)
    assert kept is not None
    assert kept.resource == DONE


@pytest.mark.parametrize(
    ("what", "finished", "code"),
    [
        (PATIENT, WRONG, REFUSED),
        (PATIENT, None, DELIVERED),
        (PATIENT, {"transactionTime": "2025-03-01T12:00:00Z", "output": [], "error": []}, DELIVERED),
        (PATIENT, {"output": [], "error": [{"type": "OperationOutcome", "url": "http://x"}]}, REFUSED),
        (PATIENT, bundle("batch-response", {"resource": PATIENT, **response("201 Created")}), DELIVERED),
        (PATIENT, bundle("batch-response", {"resource": WRONG, **response("422")}), REFUSED),
        (PATIENT, bundle("batch-response", response("503")), DEFERRED),
        (bundle("batch", entry(), entry()), bundle("batch-response", response("201"), response("200")), DELIVERED),
        (bundle("batch", entry(), entry()), bundle("batch-response", response("201"), response("404")), REFUSED),
        (bundle("batch", entry()), bundle("batch-response", response("404")), REFUSED),
        (
            bundle("batch", entry(), entry()),
            bundle(
                "batch-response",
                {"resource": bundle("batch-response", response("201"), response("422")), **response("200")},
            ),
            REFUSED,
        ),
        (bundle("transaction", entry()), bundle("transaction-response", response("201")), DELIVERED),
    ],
)
async def test_what_it_ends_with_decides(server: FhirServer, what: Any, finished: Any, code: OutcomeCode) -> None:
    server.answer = working(server, (200, finished, {}))
    out = end(server)
    outcome = await out.deliver(message(what))
    await out.close()
    assert outcome.code == code


async def test_what_takes_longer_is_pending_and_asked_for_again_without_sending_it_again(server: FhirServer) -> None:
    server.answer = working(server, (202, None, {"Retry-After": "60"}), (200, DONE, {}))
    out = end(server, timeout=timedelta(seconds=5))
    outcome = await out.deliver(message(PATIENT))
    assert (outcome.code, outcome.retry_after) == (PENDING, timedelta(seconds=60))
    assert (await out.deliver(message(PATIENT))).code == DELIVERED
    await out.close()
    assert [each.method for each in server.requests] == ["PUT", "GET", "GET"]


@pytest.mark.parametrize("status", [404, 410, 500, 503])
async def test_a_status_that_fails_leads_to_sending_it_again(server: FhirServer, status: int) -> None:
    server.answer = working(server, (status, WRONG, {}), (200, DONE, {}))
    out = end(server)
    outcome = await out.deliver(message(PATIENT))
    assert (outcome.code, outcome.unreachable) == (DEFERRED, False)
    assert (await out.deliver(message(PATIENT))).code == DELIVERED
    await out.close()
    assert [each.method for each in server.requests] == ["PUT", "GET", "PUT", "GET"]


@pytest.mark.parametrize("status", [302, 401, 403])
async def test_a_status_that_we_may_not_see_makes_the_route_wait(server: FhirServer, status: int) -> None:
    server.answer = working(server, (status, None, {}), (200, DONE, {}))
    out = end(server)
    outcome = await out.deliver(message(PATIENT))
    assert (outcome.code, outcome.unreachable) == (DEFERRED, True)
    assert (await out.deliver(message(PATIENT))).code == DELIVERED
    await out.close()
    assert [each.method for each in server.requests] == ["PUT", "GET", "GET"]


@pytest.mark.parametrize(
    ("location", "prefer"),
    [
        ("", ["respond-async"]),
        ("http://elsewhere.example/fhir/_status/1", ["respond-async"]),
        ("http://127.0.0.1:1/fhir/_status/1", ["respond-async"]),
        ("//[", ["respond-async"]),
        ("/fhir/_status/1", []),
    ],
)
async def test_without_an_address_on_this_server_or_the_wish_to_wait_202_is_a_status_like_any(
    server: FhirServer, location: str, prefer: list[str]
) -> None:
    server.answer = working(server, (200, WRONG, {}), location=location)
    out = end(server, prefer=prefer)
    assert (await out.deliver(message(NEW))).code == DELIVERED
    assert (await out.deliver(message(bundle("batch", entry())))).code == REFUSED
    await out.close()
    assert [each.method for each in server.requests] == ["POST", "POST"]
