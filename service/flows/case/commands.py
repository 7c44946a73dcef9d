"""A document changes once by a message, however often that comes: the message's name is committed with it."""

from collections.abc import Container
from dataclasses import dataclass, replace
from typing import Any, Final, Literal
from uuid import uuid4

from service.errors import NotFound, Refused
from service.flows.case.documents import Documents, SavedDocument
from service.flows.ports import Unit
from service.values.access.scope import Scope
from service.values.inbound.inbox import Answer, Entry, InboundMessage
from service.wire.json import dump, parse

FORM: Final = "document"
"""The form of an entry of the inbox that keeps only that a command was obeyed: its document has the rest."""
JSON: Final = "application/json"
REUSED: Final = "Another message had this message-id and said something else; give each its own."


@dataclass(frozen=True, slots=True)
class Command:
    """What is to be done with the document `ref` of a kind: the body put in its place, or merged into it.

    `message_id` is the sender's name for the message, `content` digests all that it says.
    """

    action: Literal["put", "patch"]
    kind: str
    ref: str
    body: Any
    if_match: Container[int] | None
    message_id: str
    content: str


@dataclass(frozen=True, slots=True)
class Commands:
    """The story of commands, each obeyed once."""

    documents: Documents

    def obey(self, scope: Scope, partner: str, command: Command) -> SavedDocument:
        """Do what a command says, or tell what it came to before: the revision as it was stored then.

        Raises:
            Refused: the message-id is another message's.
            NotFound: what it came to before is erased, or out of scope; and as `Documents.patch`.
            Rejected, Precondition, Stale, Conflict: as `Documents.put`.
        """
        documents, keys = self.documents, (f"command|{command.message_id}",)
        story_of = documents.story_of_put if command.action == "put" else documents.story_of_patch
        change = story_of(scope, partner, command.kind, command.ref, command.body, command.if_match)

        def story(unit: Unit) -> SavedDocument | Entry:
            known = unit.inbox.find_same(partner, keys, command.content)
            if known is not None:
                return known
            if unit.inbox.is_reused(partner, keys, command.content):
                raise Refused(REUSED, where="message-id")
            saved = change(unit)
            self._keep(unit, partner, keys, command.content, saved)
            return saved

        became = documents.store.transact(story)
        return became if isinstance(became, SavedDocument) else self._then(scope, partner, command, became)

    def _keep(
        self, unit: Unit, partner: str, keys: tuple[str, ...], content: str, saved: SavedDocument
    ) -> None:
        document = saved.document
        receipt = {"uuid": document.uuid, "revision": document.revision}
        # erasure finds the entry by whom it is about
        subjects = (document.uuid, *((document.client,) if document.client is not None else ()))
        entry = Entry(
            str(uuid4()),
            partner,
            InboundMessage(b"", JSON, FORM, "amqp", keys, content),
            self.documents.clock(),
            "accepted",
            subjects=subjects,
            answer=Answer(201 if saved.created else 200, JSON, dump(receipt)),
        )
        unit.inbox.claim(entry)
        unit.inbox.keep(replace(entry, is_new=False))

    def _then(self, scope: Scope, partner: str, command: Command, known: Entry) -> SavedDocument:
        if known.answer is None:
            raise NotFound(f"There is no such {command.kind}; it was erased.")
        receipt = parse(known.answer.body)
        document, revisions = self.documents.revisions(scope, partner, command.kind, receipt["uuid"])
        then = next((one for one in revisions if one.revision == receipt["revision"]), None)
        if then is None:
            raise NotFound(f"There is no such revision of this {command.kind}.")
        as_then = replace(document, revision=then.revision, own=then.own)
        return SavedDocument(as_then, created=known.answer.status == 201, changed=False)
