"""Topics of partners' servers that we follow, plugged together: the worker's story and the door's."""

from collections.abc import Mapping
from pathlib import Path

from sqlalchemy import Engine

from service.errors import Misconfigured
from service.flows.discharge.receive import Reception
from service.flows.topics.following import Topics
from service.flows.topics.notified import TopicNotices
from service.settings import Settings
from service.store.followed import SqlFollowed
from service.values.access.scope import Partner
from service.wire.http import exchange
from service.wiring.rooms import now


def topic_notices(engine: Engine, reception: Reception, partners: Mapping[str, Partner]) -> TopicNotices:
    """Plug the table of what is followed into the story of notices."""
    return TopicNotices(SqlFollowed(engine), reception, partners)


def topics(
    settings: Settings, engine: Engine, reception: Reception, partners: Mapping[str, Partner]
) -> Topics:
    """Plug partners' servers into the story of what we subscribe to."""
    told = topic_notices(engine, reception, partners)
    address = f"{settings.base_url}/notifications"
    return Topics(told.followed, exchange, told, partners, address, _token_in, now)


def _token_in(file: str) -> str:
    """Return the token that a file has; raises Misconfigured."""
    try:
        return Path(file).read_text(encoding="ascii").strip()
    except (OSError, ValueError) as exc:
        what = "The file of the token cannot be read; name one in intake/topics/token_file."
        raise Misconfigured(what, where=file) from exc
