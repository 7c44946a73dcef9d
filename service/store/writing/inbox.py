"""The inbox: what came in, word for word, and what became of it; a part of the unit of work."""

from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any, Final

from sqlalchemy import select, text, tuple_, update

from service.errors import Conflict, Issue
from service.store import tables as t
from service.store.rows import statements as q
from service.store.rows.typed import aware
from service.store.writing.keeping import Keeping
from service.values.inbound.inbox import Answer, Entry, EntryState, InboundMessage
from service.wire.json import dump, reread

NAMES: Final = ("id", "partner", "state", "reason", "flagged", "edited", "replay_of", "tries", "due")
CAME: Final = ("raw", "media_type", "form", "way", "content", "if_none_exist", "if_match")
ABOUT: Final = text(
    "INSERT INTO inbox_subject (entry, subject) VALUES (:entry, :subject) ON CONFLICT DO NOTHING"
)
TOLD: Final = [column for column in t.inbox.c if column.name not in {"raw", "edited"}]


class SqlInbox(Keeping):
    """`flows.ports.InboxPort` in one transaction; how long it keeps what it holds is `keeping`'s."""

    def find_same(self, partner: str, keys: Sequence[str], content: str) -> Entry | None:
        """Return the entry of a partner with one of these keys and the same content, without its bytes."""
        row = self._run(q.SEEN, {"partner": partner, "keys": _digests(keys), "same": content}).first()
        return self._entry(row) if row is not None else None

    def is_overtaken(self, entry: Entry) -> bool:
        """Return whether something that came from an entry's partner after it was used of the same client."""
        c, subject = t.inbox.c, t.inbox_subject.c
        about = select(subject.subject).where(subject.entry == entry.id)
        others = select(subject.entry).where(subject.subject.in_(about), subject.entry != entry.id)
        later = (c.partner == entry.partner, c.state == "accepted", c.arrived >= entry.arrived)
        return self._run(select(c.id).where(c.id.in_(others), *later).limit(1)).first() is not None

    def is_reused(self, partner: str, keys: Sequence[str], content: str) -> bool:
        """Return whether one of a partner's keys came before with other content."""
        named = {"partner": partner, "keys": _digests(keys), "same": content}
        return self._run(q.REUSED, named).first() is not None

    def claim(self, entry: Entry) -> None:
        """Take an entry's keys for it, from the entry that it renews if it does.

        Raises Conflict when another entry has one with the same content.
        """
        if entry.renews is not None:
            self._renew(entry, entry.renews)
            return
        row = {"partner": entry.partner, "content": entry.inbound.content, "entry": entry.id}
        self._run(q.INSERT[t.inbox_key], [{**row, "key": digest} for digest in _digests(entry.inbound.keys)])

    def _renew(self, entry: Entry, before: str) -> None:
        c, named = t.inbox_key.c, _digests(entry.inbound.keys)
        held = (c.partner == entry.partner, c.key.in_(named), c.content == entry.inbound.content)
        holders = set(self._run(select(c.entry).where(*held).with_for_update()).scalars())
        if holders != {before}:
            raise Conflict("Another entry has renewed it in the meantime.")
        self._run(update(t.inbox_key).where(*held).values(entry=entry.id))

    def keep(self, entry: Entry) -> None:
        """Insert an entry."""
        inbound = entry.inbound
        row = {name: getattr(inbound, name) for name in CAME}
        row |= {"arrived": entry.arrived, "arrived_on": entry.arrived.date(), **self._settled_columns(entry)}
        self._run(q.INSERT[t.inbox], row)
        if about := _about(entry):
            self._run(q.INSERT[t.inbox_subject], about)

    def settle(self, entry: Entry) -> None:
        """Store what became of an entry that is there; of its bytes, only those that were edited.

        Whom it is about only grows: erasure has to find it.
        """
        self._run(update(t.inbox).where(t.inbox.c.id == entry.id).values(**self._settled_columns(entry)))
        if about := _about(entry):
            self._run(ABOUT, about)

    def entry(self, id_: str) -> Entry | None:
        """Lock and return an entry."""
        row = self._run(select(t.inbox).where(t.inbox.c.id == id_).with_for_update()).first()
        return self._entry(row) if row is not None else None

    def due(self, at: datetime) -> Entry | None:
        """Lock and return the quarantined entry longest due at an instant that nobody else has locked."""
        c = t.inbox.c
        waiting = select(t.inbox).where(c.state == "quarantined", c.due <= at).order_by(c.due).limit(1)
        row = self._run(waiting.with_for_update(skip_locked=True)).first()
        return self._entry(row) if row is not None else None

    def hasten(self, subjects: Sequence[str], at: datetime) -> None:
        """Let the quarantined entries about a subject that wait for their time be due at an instant."""
        self._run(q.HASTEN, {"subjects": subjects, "due": at})

    def entries(
        self,
        *,
        partner: str | None = None,
        state: EntryState | None = None,
        after: str | None = None,
        count: int = 50,
    ) -> list[Entry]:
        """List entries as they arrived, those after the entry `after`, without their bytes."""
        c = t.inbox.c
        order = tuple_(c.arrived, c.id)
        where = [c.partner == partner] if partner is not None else []
        where += [c.state == state] if state is not None else []
        if after is not None:
            other = t.inbox.alias()
            seen = [other.c.id == after, *([other.c.partner == partner] if partner is not None else [])]
            where.append(order > select(other.c.arrived, other.c.id).where(*seen).scalar_subquery())
        chosen = select(*TOLD).where(*where).order_by(c.arrived, c.id).limit(count)
        return [self._entry(row) for row in self._run(chosen)]

    def clients_of(self, entry: str) -> list[str]:
        """Return the uuids of the clients that an entry is known to be about."""
        c = t.document.c
        about = select(t.inbox_subject.c.subject).where(t.inbox_subject.c.entry == entry)
        # of a case's entries the client is a subject too
        clients = select(c.uuid).where(c.kind == "client", c.uuid.in_(about)).order_by(c.uuid)
        return list(self._run(clients).scalars())

    def _settled_columns(self, entry: Entry) -> dict[str, Any]:
        answer = entry.answer
        issues = [{"what": issue.what, "where": issue.where, "code": issue.code} for issue in entry.issues]
        return {
            **{name: getattr(entry, name) for name in NAMES},
            "issues": dump(issues) if issues else None,
            "answer_status": answer.status if answer else None,
            "answer_type": answer.media_type if answer else None,
            "answer": answer.body if answer else None,
        }

    def _entry(self, row: Any) -> Entry:
        values = row._asdict()
        bytes_of = {name: bytes(values[name]) if values.get(name) else b"" for name in ("raw", "answer")}
        inbound = InboundMessage(
            bytes_of["raw"],
            values["media_type"],
            values["form"],
            values["way"],
            (),
            values["content"],
            if_none_exist=values["if_none_exist"],
            if_match=values["if_match"],
        )
        issues = reread(values["issues"]) if values["issues"] else []
        answered = values["answer_status"] is not None and values["answer"] is not None
        return Entry(
            id=values["id"],
            partner=values["partner"],
            inbound=inbound,
            arrived=aware(values["arrived"]),
            state=values["state"],
            reason=values["reason"],
            issues=tuple(Issue(**issue) for issue in issues),
            flagged=values["flagged"],
            answer=Answer(values["answer_status"], values["answer_type"], bytes_of["answer"])
            if answered
            else None,
            edited=bytes(values["edited"]) if values.get("edited") else None,
            replay_of=values["replay_of"],
            tries=values["tries"],
            due=aware(values["due"]) if values["due"] else None,
            is_new=False,
        )


def _about(entry: Entry) -> list[dict[str, str]]:
    return [{"entry": entry.id, "subject": subject} for subject in sorted(set(entry.subjects))]


def _digests(keys: Sequence[str]) -> list[str]:
    return sorted({sha256(key.encode()).hexdigest() for key in keys})
