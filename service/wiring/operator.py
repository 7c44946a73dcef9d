"""What the operator of this machine does by command."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache, partial

from service.access import policy
from service.cases.identity.suspects import Suspect
from service.deliver.endpoint import Endpoint
from service.errors import Misconfigured, NotFound, Rejected
from service.flows.authoring.explain import Explanation, Explanations
from service.flows.case.identity.merging import Unmerging
from service.flows.case.identity.suspects import Suspects
from service.flows.discharge.counts import FieldCounts
from service.flows.discharge.quarantine import Quarantine
from service.flows.discharge.receive import Reception
from service.flows.discharge.reply import Replies
from service.flows.ports import Unit
from service.flows.projection.remap import Remapping
from service.publish.amqp import dead, rabbit, topology
from service.settings import Settings
from service.store.audit.grants import grant
from service.store.audit.retention import SqlRetention
from service.store.migrations import schema
from service.store.relay import retention
from service.store.relay.outbox import Outbox
from service.store.store import SqlStore
from service.values.access.scope import Partner
from service.values.inbound.inbox import Entry, InboundMessage, Outcome, UnderstoodMessage
from service.values.kept.documents import Document, Revision
from service.wire.http import post
from service.wiring.access.registered import merged, registered
from service.wiring.compiled import catalogues, inbounds
from service.wiring.rooms import (
    now,
    open_database,
    open_store,
    parting,
    projecting,
    receiving,
    renaming,
    search_index,
    understanding,
    unmerging,
    upgrade_database,
)

Rename = Callable[[Document], list[Suspect]]


def upgrade(settings: Settings) -> int:
    """Bring the database to this release's schema, with room for what the audit has to take next.

    Returns how many resources were made searchable anew. Raises as `grant`, where the role is set that the
    service runs under.
    """
    with open_database(settings) as engine:
        count = upgrade_database(engine)
        SqlRetention(engine, now, settings.audit_days).make_ahead()
        if settings.database_role is not None:
            grant(engine, settings.database_role)
    return count


def check(settings: Settings) -> None:
    """Raise Misconfigured unless the database is at this release's schema."""
    with open_database(settings) as engine:
        schema.check(engine)


def partners(settings: Settings) -> list[Partner]:
    """Return the registered partners; raises Misconfigured with the place of each mistake."""
    return list(merged(settings).partners.values())


def cases(settings: Settings, status: str | None) -> Iterator[Document]:
    """Give the cases that the operator of this machine may see, by id."""
    scope, after = policy.scope(policy.LOCAL), None
    with open_store(settings) as store:
        while page := store.documents(scope, "case", status=status, after=after):
            yield from page
            after = page[-1].uuid


def case(settings: Settings, id_: str) -> tuple[Document, list[Revision]]:
    """Return a case and its revisions, newest first; raises NotFound."""
    scope = policy.scope(policy.LOCAL)
    with open_store(settings) as store:
        document = store.document(scope, "case", policy.LOCAL.name, id_)
        if document is None:
            raise NotFound("There is no such case; `casebridge cases list` prints their ids.", where="ID")
        return document, store.revisions(scope, document.uuid)


def explain_element(settings: Settings, view: str, path: str, id_: str) -> Explanation:
    """Explain an element of a live resource in a view, to the operator of this machine; raises as `check`."""
    check(settings)
    scope = replace(policy.scope(policy.LOCAL), view=view)
    with open_store(settings) as store:
        mappings = catalogues(settings)
        return Explanations(store, mappings, projecting(settings, mappings).version).explain(scope, path, id_)


def unmerge_client(settings: Settings, id_: str) -> Document:
    """Undo the merge of a client, as the operator of this machine; return it. Raises as `Unmerging.undo`."""
    with _unmerging(settings) as story:
        return story.undo(policy.scope(policy.LOCAL), policy.LOCAL, id_)


def remove_alias(settings: Settings, id_: str, alias: tuple[str, str]) -> Document:
    """Take an identifier off a client, as the operator of this machine; raises as `Unmerging.part`."""
    with _unmerging(settings) as story:
        return story.part(policy.scope(policy.LOCAL), policy.LOCAL, id_, alias)


@contextmanager
def suspecting(settings: Settings) -> Iterator[Suspects]:
    """Give the story that looks for who was taken for somebody else."""
    check(settings)
    with open_store(settings) as store:
        yield Suspects(store, policy.scope(policy.LOCAL))


@contextmanager
def renaming_systems(settings: Settings) -> Iterator[tuple[list[Document], Rename]]:
    """Give the clients with a number under a system of before, and what renames those of one of them.

    It returns who is to be looked at; raises as `Renaming.rename`.
    """
    check(settings)
    with open_store(settings) as store:
        story = renaming(settings, store, projecting(settings, catalogues(settings)))
        yield list(story.clients(policy.scope(policy.LOCAL))), partial(story.rename, policy.LOCAL)


def part_client(
    settings: Settings, id_: str, numbers: Sequence[tuple[str, str]], visits: Sequence[tuple[str, str]]
) -> tuple[Document, Document]:
    """Part a client, as the operator of this machine; raises as `Parting.part`."""
    with open_store(settings) as store:
        story = parting(settings, store, projecting(settings, catalogues(settings)))
        return story.part(policy.scope(policy.LOCAL), policy.LOCAL, id_, numbers, visits)


@contextmanager
def _unmerging(settings: Settings) -> Iterator[Unmerging]:
    with open_store(settings) as store:
        yield unmerging(settings, store, projecting(settings, catalogues(settings)))


@dataclass(frozen=True, slots=True)
class _Compiled:
    """The story of messages, its mappings compiled when one is to be used: listing what waits needs none."""

    reception: Callable[[], Reception]

    def understand(self, partner: Partner, inbound: InboundMessage) -> UnderstoodMessage:
        """As `Reception.understand`; raises Misconfigured while a mapping is broken."""
        return self.reception().understand(partner, inbound)

    def use(
        self, unit: Unit, partner: Partner, entry: Entry, understood: UnderstoodMessage, at: datetime
    ) -> tuple[Outcome, Entry]:
        """As `Reception.use`."""
        return self.reception().use(unit, partner, entry, understood, at)

    def held_outcome(
        self, entry: Entry, why: Rejected, understood: UnderstoodMessage | None, at: datetime
    ) -> tuple[Outcome, Entry]:
        """As `Reception.held_outcome`."""
        return self.reception().held_outcome(entry, why, understood, at)


@contextmanager
def open_quarantine(settings: Settings) -> Iterator[Quarantine]:
    """Give the quarantine as an operator handles it."""
    check(settings)
    with open_database(settings) as engine:
        store, partners = SqlStore(engine), registered(settings, engine)

        @cache
        def reception() -> Reception:
            projection = projecting(settings, catalogues(settings))
            return receiving(settings, store, projection, now, inbounds(settings, partners.values()))

        yield Quarantine(store, _Compiled(reception), partners, now)


@contextmanager
def counting(settings: Settings) -> Iterator[FieldCounts]:
    """Give the counting of fields that nothing reads; raises as `check`."""
    check(settings)
    with open_database(settings) as engine:
        partners = registered(settings, engine)
        mappings = inbounds(settings, partners.values())
        yield FieldCounts(SqlStore(engine), understanding(mappings), partners)


@contextmanager
def replying(settings: Settings) -> Iterator[Replies]:
    """Give the replies that are owed as an operator handles them."""
    with open_database(settings) as engine:
        yield Replies(SqlStore(engine), Endpoint(post), registered(settings, engine), now)


@contextmanager
def outbox(settings: Settings) -> Iterator[Outbox]:
    """Give the outbox as an operator handles it: what is parked, what queues are owed."""
    with open_database(settings) as engine:
        yield Outbox(engine)


@contextmanager
def pruning(settings: Settings, before: datetime) -> Iterator[tuple[int, Iterator[int]]]:
    """Give how many steps it takes to delete what was published before an instant, and the steps."""
    with open_database(settings) as engine:
        spans = retention.batches(engine, before)
        yield len(spans), retention.prune(engine, spans)


@contextmanager
def remapping(settings: Settings) -> Iterator[Remapping]:
    """Give the story of live changes of mappings, on the database and mappings of the settings.

    Before it, what a release before wrote is made searchable by all parameters. Raises as `check`.
    """
    check(settings)
    with open_database(settings) as engine:
        search_index(engine)
    with open_store(settings) as store:
        yield Remapping(store, projecting(settings, catalogues(settings)), now)


def put_aside(settings: Settings) -> dict[str, int | None]:
    """Return how many messages were put aside of each partner's queue, None where nothing is declared.

    Raises:
        Misconfigured: no broker is set.
        Unavailable: it does not answer.
    """
    queues = _queues(settings)
    depths = topology.depths(_broker(settings), [f"{queue}.dead" for queue in queues])
    return {queue: depths[f"{queue}.dead"] for queue in queues}


def redrive_queue(settings: Settings, queue: str) -> Iterator[str]:
    """Put what was put aside of a partner's queue back into it; see `dead.redrive`."""
    _check_queue(queue, _queues(settings))
    return dead.redrive(_broker(settings), queue)


def purge_queue(settings: Settings, queue: str) -> int:
    """Delete what was put aside of a partner's queue; see `dead.purge`."""
    _check_queue(queue, _queues(settings))
    return dead.purge(_broker(settings), queue)


def purge_dead(settings: Settings, queue: str) -> int:
    """Delete what was put aside of a queue that we read; see `dead.purge`."""
    return dead.purge(_broker(settings), queue)


def _queues(settings: Settings) -> list[str]:
    """Return the names of partners' queues that have dead letters: not of streams."""
    registered = (queue for partner in partners(settings) for queue in partner.queues)
    return [queue.name for queue in registered if queue.stream is None]


def _check_queue(queue: str, queues: Sequence[str]) -> None:
    if queue not in queues:
        raise NotFound("No partner has this queue; `casebridge events dead` lists them.", where="QUEUE")


def _broker(settings: Settings) -> str:
    if settings.amqp_url is None:
        raise Misconfigured("Say which broker, e.g. amqp://host:5672/vhost.", where="CASEBRIDGE_AMQP_URL")
    return settings.amqp_url


def take_queue(url: str, queue: str, last: str) -> Iterator[bytes]:
    """Take the messages of a partner's queue off it; see `rabbit.queued`."""
    return rabbit.take_until(url, queue, last)


def number(settings: Settings) -> int:
    """Give committed messages their positions in the feed; return how many."""
    total = 0
    with outbox(settings) as messages:
        while count := messages.number():
            total += count
    return total
