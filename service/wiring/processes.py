"""The processes that run until they are stopped: the worker, the MLLP server; neither imports Flask."""

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from threading import Event, Thread
from typing import Any

from sqlalchemy import Engine

from service.deliver.endpoint import Endpoint
from service.errors import Misconfigured
from service.flows.case.commands import Commands
from service.flows.case.documents import Documents
from service.flows.discharge.quarantine import Quarantine
from service.flows.discharge.receive import Reception
from service.flows.discharge.reply import Replies
from service.flows.members.forgetting import Forgetting
from service.flows.projection.follow import Reprojection
from service.mapping.catalogue import Catalogue
from service.publish.amqp import rabbit, topology
from service.publish.amqp.watch import watch
from service.publish.feed import number_forever
from service.publish.following import FollowingRelay
from service.publish.relay import IDLE_SECONDS, Relay
from service.receive.amqp.commands import CommandQueue
from service.receive.amqp.consumer import Consumer, InboundQueue
from service.receive.amqp.deliveries import Discharges
from service.receive.amqp.taking import Delivery, DeliveryResult
from service.receive.discharge.hl7v2 import Hl7v2Reception
from service.receive.mllp.certificates import Tls
from service.receive.mllp.proxied import Proxies
from service.receive.mllp.senders import over_mllp, partners_by_sender
from service.receive.mllp.server import MllpServer
from service.settings import Settings
from service.store.audit.recording import SqlRecording
from service.store.matches import SqlMatches
from service.store.relay.notices import listen
from service.store.relay.outbox import Outbox
from service.supervision import Bell
from service.telemetry import configure
from service.values.access.scope import Partner
from service.wire.amqp import connected
from service.wire.http import post
from service.wiring import auditing, retaining
from service.wiring.access.registered import follow, registered
from service.wiring.compiled import catalogues, inbounds
from service.wiring.operator import check
from service.wiring.rooms import input_limits, noticed_store, now, open_database, projecting, receiving
from service.wiring.subscribing import notifications
from service.wiring.topics import topics


def worker(settings: Settings, mappings: Mapping[str, Catalogue], stop: Event) -> None:
    """Relay the outbox to the broker, project what is queued and send what is owed, until told to stop.

    Without a broker the outbox is numbered for the feed.
    """
    configure()
    with open_database(settings) as engine:
        _work(settings, engine, mappings, stop)


def _work(settings: Settings, engine: Engine, mappings: Mapping[str, Catalogue], stop: Event) -> None:
    store = noticed_store(settings, engine)
    projection = projecting(settings, mappings)
    queue = Reprojection(store, projection, now)
    by_name = registered(settings, engine)
    partners = by_name.values()
    reception = receiving(settings, store, projection, now, inbounds(settings, partners))
    retries = Quarantine(store, reception, by_name, now)
    replies = Replies(store, Endpoint(post), by_name, now)
    forgetting = Forgetting(SqlMatches(engine), now, settings.export_hours)
    hooks, followed = (
        notifications(settings, engine, by_name, now),
        topics(settings, engine, reception, by_name),
    )
    stories = (queue.run, retries.run, replies.run, followed.run, forgetting.run, hooks.run)
    loops = (*stories, *auditing.loops(settings, engine))
    loops += tuple(retaining.loops(settings, engine, retries))
    beside = [Thread(target=loop, args=(stop,), daemon=True) for loop in loops]
    for loop in beside:
        loop.start()
    beside.append(follow(by_name, stop))
    messages = Outbox(engine)
    bell = Bell(stop, IDLE_SECONDS)
    if settings.listen_url:
        beside.append(Thread(target=listen, args=(settings.listen_url, bell.ring, stop), daemon=True))
        beside[-1].start()
    if settings.amqp_url is None:
        number_forever(messages, stop, bell.rest)
    else:
        url = settings.amqp_url
        discharges = consuming(settings, url, partners, reception)
        commands = commanded(settings, engine, url, partners, Documents(store, projection, now))
        for consumer in (discharges, commands):
            beside.append(Thread(target=consumer.run, args=(stop,), daemon=True))
            beside[-1].start()
        look = partial(topology.depths, url)
        Thread(target=watch, args=(look, partners, stop), daemon=True).start()
        FollowingRelay(publishing(engine, url, partners), partners).run(stop, bell.rest)
    for loop in beside:
        loop.join()


def publishing(engine: Engine, url: str, partners: Collection[Partner]) -> Callable[[], Relay]:
    """Return what makes a relay of the outbox to the partners of a moment."""
    messages, broker, record = Outbox(engine), rabbit.Rabbit(url, partners), auditing.of_queues(engine)
    return lambda: Relay(messages, broker, partners, record)


def consuming(settings: Settings, url: str, partners: Collection[Partner], reception: Reception) -> Consumer:
    """Plug the queue of discharges into the story of what hospitals send."""
    door = Discharges(reception, partners, now, f"{settings.base_url}/fhir", input_limits(settings))
    return _consumer(settings, url, "discharges", topology.DISCHARGES, door.take)


def commanded(
    settings: Settings, engine: Engine, url: str, partners: Collection[Partner], documents: Documents
) -> Consumer:
    """Plug the queue of commands into the story of what case systems put and patch."""
    record, limits = SqlRecording(engine).record, input_limits(settings)
    door = CommandQueue(Commands(documents), partners, record, now, limits)
    return _consumer(settings, url, "cases", topology.CASES, door.take)


def _consumer(
    settings: Settings, url: str, name: str, queue: str, take: Callable[[Delivery], DeliveryResult]
) -> Consumer:
    def connect() -> AbstractContextManager[Any]:
        topology.declare_inbound(url, queue)
        return connected(url)

    inbound = InboundQueue(name, queue, topology.DEAD, queue, topology.dead_queue(queue))
    return Consumer(connect, inbound, take, lambda: check(settings))


@contextmanager
def redriving(settings: Settings) -> Iterator[Consumer]:
    """Give what takes discharges that were put aside in once more; raises as `check`, or without a broker."""
    url = _broker(settings)
    check(settings)
    with open_database(settings) as engine:
        partners = registered(settings, engine).values()
        yield consuming(settings, url, partners, _reception(settings, engine, partners))


@contextmanager
def redriving_commands(settings: Settings) -> Iterator[Consumer]:
    """Give what does commands that were put aside once more; raises as `redriving`."""
    url = _broker(settings)
    check(settings)
    with open_database(settings) as engine:
        partners = registered(settings, engine).values()
        projection = projecting(settings, catalogues(settings))
        documents = Documents(noticed_store(settings, engine), projection, now)
        yield commanded(settings, engine, url, partners, documents)


def mllp(settings: Settings, host: str, port: int, tls: Tls | None, proxies: Proxies, stop: Event) -> None:
    """Take HL7 v2 in over MLLP until told to stop; raises as `serving.web`, and when it cannot listen."""
    configure()
    check(settings)
    with open_database(settings) as engine:
        by_name = registered(settings, engine)
        partners = by_name.values()
        handler = over_mllp(Hl7v2Reception(_reception(settings, engine, partners), now), partners)
        server = MllpServer(host, port, handler, partners_by_sender(partners), tls=tls, proxies=proxies)
        following = follow(by_name, stop)
        server.run(stop)
        following.join()


def _broker(settings: Settings) -> str:
    if settings.amqp_url is None:
        raise Misconfigured("Say which broker, e.g. amqp://host:5672/vhost.", where="CASEBRIDGE_AMQP_URL")
    return settings.amqp_url


def _reception(settings: Settings, engine: Engine, partners: Collection[Partner]) -> Reception:
    projection = projecting(settings, catalogues(settings))
    return receiving(settings, noticed_store(settings, engine), projection, now, inbounds(settings, partners))
