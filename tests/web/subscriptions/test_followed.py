"""What we ask servers with, our own takes; what it tells, we read: both by the Backport."""

import json
from datetime import UTC, datetime, timedelta

from service.wire.fhir.subscriptions.notified import facts_of, notice_of, subscription_to
from tests.web.subscriptions.subscribing import OURS, change_plan, create, put


def asked(receiver, id_="", secret="s-1"):
    """The Subscription that we would ask a server for a topic of ours with."""
    end = datetime.now(UTC) + timedelta(hours=24)
    filters = ["CarePlan?status=active"]
    body = subscription_to(
        f"{OURS}plan-change", filters, endpoint=receiver.url, secret=secret, end=end, id_=id_
    )
    return json.loads(body)


def test_what_we_subscribe_with_is_taken_and_renewed_and_its_notifications_are_read(
    rivers_house, receiver, worker
):
    # what was there before is no event
    rivers_house.outbox.number()
    made = create(rivers_house, asked(receiver))
    assert made.status_code == 201, made.json
    worker.work()
    headers, handshake = receiver.taken[-1]
    assert headers["Authorization"] == "Bearer s-1"
    notice = notice_of(handshake)
    assert (notice.kind, notice.events, notice.numbers) == ("handshake", 0, ())

    change_plan(rivers_house, "Back on the road")
    worker.work()
    notice = notice_of(receiver.taken[-1][1])
    assert (notice.kind, notice.events, notice.numbers) == ("event-notification", 1, (1,))
    assert notice.is_full
    (entry,) = facts_of(receiver.taken[-1][1])["entry"]
    assert entry["resource"]["title"] == "Back on the road"

    id_ = made.json["id"]
    for operation, kind in (("$status", "query-status"), ("$events?content=full-resource", "query-event")):
        answer = rivers_house.get(f"/fhir/Subscription/{id_}/{operation}", partner="northern")
        notice = notice_of(answer.json)
        assert (notice.kind, notice.status, notice.events) == (kind, "active", 1)

    renewed = put(rivers_house, asked(receiver, id_, "s-2"))
    assert renewed.status_code == 200, renewed.json
    worker.work()
    assert receiver.taken[-1][0]["Authorization"] == "Bearer s-2"
