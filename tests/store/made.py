"""Documents, resource versions and messages for the store's tests."""

from datetime import UTC, datetime
from uuid import uuid4

from service.values.kept.documents import Document
from service.values.kept.resources import OutboxMessage, ResourceVersion, SearchRows

AT = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
# the outbox, with the position of each message
NUMBERED = """
SELECT o.*, r.position + o."row" - r."row" AS place FROM outbox o LEFT JOIN position_run r
ON r.stream = 'outbox' AND o."row" BETWEEN r."row" AND r."row" + r.length - 1
"""


def document(source_id="river", *, kind="client", source="cms", client=None, revision=1, uuid=None, **body):
    body = {"names": [{"family": "x"}], **body}
    return Document(uuid or str(uuid4()), kind, source, source_id, revision, body, client, AT, AT)


def version(owner, id_, *, number=1, type_="CarePlan", client=None, rows=None, at=AT, body=b"{}"):
    return ResourceVersion(
        view="default",
        type=type_,
        id=id_,
        version=number,
        owner=owner,
        client=client,
        body=body,
        digest=f"{number:064d}",
        last_updated=at,
        mapping_version="m" * 64,
        rows=rows or SearchRows(),
    )


def message(owner, sequence):
    return OutboxMessage(
        id=str(uuid4()),
        view="default",
        owner=owner,
        routing_key="careplan.created",
        sequence=sequence,
        recorded=AT,
        body=b'{"sequence":%d}' % sequence,
    )
