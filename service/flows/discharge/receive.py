"""A message comes in: seen before? understood, used or kept, and answered, its bytes in the same transaction.

Every positive answer is committed with the bytes it answers and with all that came of them. The unique keys
of the inbox decide between two processes with the same message: who comes second finds the first answer.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from itertools import repeat
from typing import Any, Final, Literal
from uuid import uuid4

import structlog

from service.cases.hospital.discharge import digest
from service.cases.hospital.rules import missing_visit_number, repeated_diagnoses
from service.cases.identity.assertions import without_foreign
from service.cases.identity.identifiers import former, systems, without_placeholders
from service.errors import (
    Conflict,
    Issue,
    Malformed,
    Refused,
    Rejected,
    Stale,
    TooLarge,
    Unavailable,
    Unsupported,
)
from service.flows.case.identity.people import Held
from service.flows.discharge.intake import Intake
from service.flows.discharge.unclear import SHOWN, Unclear, first_of, located_issues, unclear_of_projection
from service.flows.discharge.unused import unused_issues
from service.flows.ports import Clock, Store, Unit
from service.flows.projection.events import instant
from service.supervision import Backoff
from service.values.access.scope import Partner
from service.values.inbound.inbox import (
    UNCONDITIONAL,
    Entry,
    InboundMessage,
    Outcome,
    Render,
    UnderstoodMessage,
)
from service.wire.contracts.load import load

log = structlog.get_logger()

Understand = Callable[[Partner, InboundMessage], UnderstoodMessage]
TRIES: Final = 5
TRIES_LATER: Final = 12
BACKOFF: Final = Backoff(60, 60 * 2**TRIES_LATER)
NOTES: Final = 20
EMPTY: Final = Issue(
    "Nothing in it changes a case; it was kept, and nothing else was done.", "", "informational"
)
REUSED: Final = Issue("Another message with this key had other content; both were used.", "", "duplicate")
REPEATED: Final = Issue("Another message with this key had other content.", "", "duplicate")
NO_VISIT: Final = "What is said of the stay was not used: send the visit number that it has."
SAME_CODE: Final = "Another diagnosis of the stay has the same code: they are one condition here, the first."
FOREIGN: Final = "Others say whose the numbers of this system are (identifying in the registry): left out."
NO_NUMBER: Final = "This is filled in where there is no number; it was left out."


@dataclass(frozen=True, slots=True)
class Reception:
    """The story of messages. `forms` understand them by `InboundMessage.form`."""

    store: Store
    intake: Intake
    clock: Clock
    forms: Mapping[str, Understand]

    def receive(self, partner: Partner, inbound: InboundMessage, render: Render) -> Outcome:
        """Take a message in, once; the outcome carries the answer that was committed with it.

        `render` makes the answer of an outcome; it may run more than once.

        Raises:
            Malformed, TooLarge, Unsupported: it can never be used; nothing of it is kept.
            Stale: what its sender makes it depend on is not so; nothing of it is kept.
            Unavailable: the database does not answer, or too many send the same at once; nothing is kept.
        """
        inbound = replace(inbound, keys=inbound.keys or (inbound.content,))
        for _ in range(TRIES):
            known = self.store.look(
                lambda unit: unit.inbox.find_same(partner.name, inbound.keys, inbound.content)
            )
            entry = Entry(str(uuid4()), partner.name, inbound, self.clock(), "quarantined")
            if known is not None and known.state == "quarantined":
                entry = known
            elif known is not None:
                if not (inbound.is_state and self._is_overtaken(known)):
                    return self._again(known, inbound, render)
                entry = replace(entry, renews=known.id)
            try:
                return self._receive_once(partner, inbound, render, entry)
            except Stale:
                raise
            except Conflict:
                continue  # another process was first with the message, its person or its hospital
        raise Unavailable("Others send the same at the same time; send it again.")

    def understand(self, partner: Partner, inbound: InboundMessage) -> UnderstoodMessage:
        """Return what a message comes to, each discharge loaded against its contract.

        Raises:
            Rejected: its form cannot be read, or what its mapping makes does not fit the contract.
        """
        understood = self.forms[inbound.form](partner, inbound)
        loaded: list[dict[str, Any]] = []
        odd: list[tuple[int, Issue]] = []
        missing: list[Issue] = []
        for number, discharge in enumerate(understood.discharges):
            said, foreign = without_foreign(
                _load_discharge(understood, number, discharge), partner.name, partner.assertions
            )
            said, gone = without_placeholders(said, partner.intake)
            odd += ((number, Issue(FOREIGN, at, "value")) for at in foreign)
            today = said.get("recorded") or instant(self.clock())
            loaded.append(former(said, today[:10]))
            odd += ((number, Issue(NO_NUMBER, at, "value")) for at in gone)
            odd += ((number, Issue(SAME_CODE, at, "informational")) for at in repeated_diagnoses(said))
            if (at := missing_visit_number(said)) is not None:
                missing.append(Issue(NO_VISIT, at, "required"))
        notes = [*understood.notes, *_message_issues(understood, odd), *first_of(missing)]
        # what may be wrong comes before what is only told
        notes.sort(key=lambda note: note.code == "informational")
        return replace(understood, discharges=tuple(loaded), notes=tuple(notes))

    def use(
        self, unit: Unit, partner: Partner, entry: Entry, understood: UnderstoodMessage, at: datetime
    ) -> tuple[Outcome, Entry]:
        """Use all that a message comes to; return what became of it, and its entry to be stored.

        Raises:
            Rejected: some of it cannot be used; the transaction is to be rolled back.
            Stale, Conflict: as `Intake.apply_all`.
        """
        events = zip(understood.discharges, understood.asked or repeat(UNCONDITIONAL), strict=False)
        results = self.intake.apply_all(unit, partner, events, at)
        touched = [document for result in results for document in result.touched]
        again = REUSED if touched else REPEATED
        issues = (*understood.notes, *((again,) if entry.flagged else ()))
        if touched:
            places = {issue.where for issue in issues}
            unused = [unread for unread in understood.unused if unread.where not in places]
            issues = (*issues, *unused_issues(unused, NOTES - len(issues)))
        elif not any(issue.code == "not-supported" for issue in issues):
            # who was told that it is not used needs no more words
            issues = (*issues, EMPTY)
        state: Literal["accepted", "ignored"] = "accepted" if touched else "ignored"
        outcome = Outcome(
            state,
            entry.id,
            issues,
            "" if touched else "nothing-to-do",
            entry.flagged,
            tuple(dict.fromkeys(document.uuid for document in touched if document.kind == "case")),
            tuple(result.stay for result in results),
        )
        subjects = tuple(document.uuid for document in touched)
        settled = replace(
            entry, state=state, reason=outcome.reason, issues=issues, subjects=subjects, due=None
        )
        return outcome, settled

    def held_outcome(
        self, entry: Entry, why: Rejected, understood: UnderstoodMessage | None, at: datetime
    ) -> tuple[Outcome, Entry]:
        """Return what becomes of a message that is not used, and its entry to be stored.

        The issues of the entry are in the places of the message, as far as its mapping knows them.
        """
        if understood is not None and not isinstance(why, Held | Unclear):
            why = unclear_of_projection(why)
        if isinstance(why, Unclear):
            log.warning("not_understood", entry=entry.id, partner=entry.partner, where=why.ours)
        refusal = why.refusal if isinstance(why, Held) else None
        state: Literal["ignored", "quarantined"] = "quarantined"
        if refusal is not None and refusal.outcome == "ignore":
            state = "ignored"
        reason = refusal.reason if refusal is not None else "not-understood"
        # what is odd beside it is often why
        issues = (*why.issues, *(understood.notes if understood is not None else ()))
        outcome = Outcome(state, entry.id, issues, reason, entry.flagged)
        passes = refusal is not None and refusal.passing and state == "quarantined"
        wait = timedelta(seconds=BACKOFF.spread(entry.tries))
        settled = replace(
            entry,
            state=state,
            reason=reason,
            issues=located_issues(issues, understood) if understood is not None else issues,
            subjects=(*_subjects(understood), *(refusal.clients if refusal is not None else ())),
            tries=entry.tries + 1,
            due=at + wait if passes and entry.tries < TRIES_LATER else None,
        )
        return outcome, settled

    def _is_overtaken(self, known: Entry) -> bool:
        return self.store.look(lambda unit: unit.inbox.is_overtaken(known))

    def _receive_once(
        self, partner: Partner, inbound: InboundMessage, render: Render, entry: Entry
    ) -> Outcome:
        at, understood = self.clock(), None
        # one that waits is asked for anew, and by that who asks now is answered
        entry = replace(entry, inbound=replace(entry.inbound, reply_to=inbound.reply_to))
        try:
            understood = self.understand(partner, inbound)
            return self.store.transact(partial(self._use, partner, entry, understood, render, at))
        except (Malformed, TooLarge, Unsupported, Refused):
            raise
        except Rejected as why:
            outcome, settled = self.held_outcome(entry, why, understood, at)
            return self.store.transact(partial(self._keep, outcome, settled, render))

    def _use(
        self,
        partner: Partner,
        entry: Entry,
        understood: UnderstoodMessage,
        render: Render,
        at: datetime,
        unit: Unit,
    ) -> Outcome:
        entry = self._enter(unit, entry)
        outcome, settled = self.use(unit, partner, entry, understood, at)
        return self._keep_answered(unit, outcome, settled, render)

    def _keep(self, outcome: Outcome, settled: Entry, render: Render, unit: Unit) -> Outcome:
        entry = self._enter(unit, settled)
        return self._keep_answered(unit, replace(outcome, flagged=entry.flagged), entry, render)

    def _keep_answered(self, unit: Unit, outcome: Outcome, entry: Entry, render: Render) -> Outcome:
        answer = render(outcome)
        entry = replace(entry, answer=answer)
        if entry.is_new:
            unit.inbox.keep(replace(entry, is_new=False))
        else:
            unit.inbox.settle(entry)
        if entry.inbound.reply_to is not None:
            unit.deliveries.owe(entry.id, entry.partner, entry.inbound.reply_to, self.clock())
        return replace(outcome, answer=answer)

    def _again(self, known: Entry, inbound: InboundMessage, render: Render) -> Outcome:
        """Return the outcome of a message that was answered before: the same answer, while it is kept."""
        if (url := inbound.reply_to) is not None:
            at = self.clock()
            self.store.transact(lambda unit: unit.deliveries.owe(known.id, known.partner, url, at))
        outcome = Outcome("duplicate", known.id, known.issues, known.reason, known.flagged)
        return replace(outcome, answer=known.answer or render(outcome))

    def _enter(self, unit: Unit, entry: Entry) -> Entry:
        """Take the keys of a new entry, or lock one that waits in quarantine.

        Raises:
            Conflict: another process was first.
        """
        if not entry.is_new:
            stored = unit.inbox.entry(entry.id)
            if stored is None or stored.state != "quarantined":
                raise Conflict("The entry was settled in the meantime.")
            # what an operator made of it is theirs to use, whatever comes again
            return replace(entry, edited=stored.edited)
        unit.inbox.claim(entry)
        inbound = entry.inbound
        return replace(entry, flagged=unit.inbox.is_reused(entry.partner, inbound.keys, inbound.content))


def _load_discharge(understood: UnderstoodMessage, number: int, said: dict[str, Any]) -> dict[str, Any]:
    try:
        return load("discharge", said)
    except Rejected as wrong:
        if understood.place is None:
            raise
        ours = ", ".join(issue.where for issue in wrong.issues[:SHOWN])
        raise Unclear(
            _message_issues(understood, [(number, issue) for issue in wrong.issues]), ours
        ) from wrong


def _message_issues(understood: UnderstoodMessage, issues: Sequence[tuple[int, Issue]]) -> tuple[Issue, ...]:
    """Return the first issues, each of a discharge by its number, with their places in the message."""
    place = understood.place or (lambda _, pointer: pointer)
    located = [replace(issue, where=place(number, issue.where)) for number, issue in issues[:SHOWN]]
    return first_of(located, len(issues))


def _subjects(understood: UnderstoodMessage | None) -> tuple[str, ...]:
    """Return digests of the identifiers of whom a message is about: erasure and later clients find it."""
    return tuple(
        digest(system, identifier["value"])
        for said in (understood.discharges if understood is not None else ())
        for identifier in said.get("patient", {}).get("identifiers", [])
        for system in systems(identifier)
    )
