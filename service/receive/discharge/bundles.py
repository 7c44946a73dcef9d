"""Transactions, all or nothing, and batches, each entry for itself.

https://hl7.org/fhir/R4/http.html#transaction
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from service.errors import CasebridgeError, Issue, Refused, Rejected, first_issues
from service.receive.discharge import single
from service.receive.discharge.messages import (
    FHIR_JSON,
    IN_FHIR,
    NOT_RETAINED,
    ReceptionPort,
    check_retained,
    not_to_leave_out,
    outcome_resource,
)
from service.values.access.scope import Partner
from service.values.inbound.inbox import Answer, InboundMessage, Outcome, Stay
from service.wire.fhir.exchange import bundles
from service.wire.fhir.exchange.answers import responses
from service.wire.fhir.exchange.conditions import issues
from service.wire.fhir.exchange.naming import content, keys
from service.wire.json import dump, parse
from service.wire.outcomes import outcome

Json = dict[str, Any]
_ENTRY: Final = re.compile(r"\ABundle\.entry\[(\d+)\]")
OF_AN_ENTRY: Final = 10
"""How many issues the response to one entry of a batch tells: there may be ten thousand entries."""
USED: Final = Issue("Used with the stay that it tells of.", "", "informational")


@dataclass(frozen=True, slots=True)
class Bundles:
    """Takes transactions and batches in."""

    reception: ReceptionPort

    def transaction(
        self, partner: Partner, raw: bytes, sent: Json, transport_keys: tuple[str, ...]
    ) -> Answer:
        """Return the response to each entry, or an OperationOutcome (202) when all of it is in quarantine.

        Raises:
            Rejected: an entry cannot be taken: nothing was done.
            Stale: what an entry depends on is not so: nothing was done.
            Unavailable: as `ReceptionPort.receive`.
        """
        bundles.check_transaction(sent)
        entries = enumerate(sent.get("entry", []))
        wrong = [issue for index, entry in entries for issue in _unheeded_issues(entry, index)]
        if wrong:
            raise Rejected("Nothing of the transaction was done.", issues=wrong)
        check_retained(partner, sent)

        def render(became: Outcome) -> Answer:
            if became.state == "quarantined":
                return Answer(202, FHIR_JSON, dump(outcome_resource(became, IN_FHIR)))
            response = responses("transaction-response", list(_each(sent, became)))
            return Answer(200, FHIR_JSON, dump(response))

        names = (*transport_keys, *keys(sent))
        inbound = _inbound_part(raw, sent, names)
        became = self.reception.receive(partner, inbound, render)
        return became.answer or render(became)

    def batch(self, partner: Partner, sent: Json, transport_keys: tuple[str, ...]) -> Answer:
        """Return the response to each entry: an Encounter is used with the entries that it leads to."""
        refused = not_to_leave_out(partner, sent)
        answers: dict[int, Json] = {}
        led: set[int] = set()
        apart = bundles.apart(sent)
        for index, entry in enumerate(sent.get("entry", [])):
            wrong = list(bundles.request_issues(entry, index))
            wrong += _unheeded_issues(entry, index)
            if wrong:
                answers[index] = _fault(Rejected("It cannot be taken.", issues=wrong))
            elif index in refused:
                answers[index] = _fault(Refused(NOT_RETAINED.what, issues=[refused[index]]))
            elif bundles.type_of(entry) == "Encounter":
                answers[index] = self._one(partner, sent, index, apart[index], transport_keys)
                led |= set(apart[index])
        left = [index for index in range(len(sent.get("entry", []))) if index not in answers]
        if left:
            self._keep(partner, sent, [index for index in left if index not in led], transport_keys)
        for index in left:
            answers[index] = _no_content_response(USED if index in led else NOT_RETAINED)
        response = responses("batch-response", [answers[index] for index in sorted(answers)])
        return Answer(200, FHIR_JSON, dump(response))

    def _one(
        self, partner: Partner, sent: Json, index: int, part: list[int], transport_keys: tuple[str, ...]
    ) -> Json:
        alone = bundles.bundle_of_entries(sent, part)
        try:
            became = self.reception.receive(partner, _part(alone, index, transport_keys), single.render)
        except CasebridgeError as error:
            return _response_with_places(_fault(error), part)
        answer = became.answer or single.render(became)
        stay = became.stays[0] if became.stays else None
        response = {"status": _status(answer.status), **_location(stay), "outcome": parse(answer.body)}
        return _response_with_places(response, part)

    def _keep(
        self, partner: Partner, sent: Json, indices: list[int], transport_keys: tuple[str, ...]
    ) -> None:
        """Keep what came and leads from no Encounter, before it is answered."""
        if indices:
            rest = _part(bundles.bundle_of_entries(sent, indices), -1, transport_keys)
            self.reception.receive(partner, rest, single.render)


def _inbound_part(raw: bytes, sent: Json, names: tuple[str, ...]) -> InboundMessage:
    return InboundMessage(
        raw, FHIR_JSON, "fhir", "http", names, content(sent), is_state=not names, parsed=sent
    )


def _part(part: Json, index: int, transport_keys: tuple[str, ...]) -> InboundMessage:
    """Return a part of a batch as a message: the batch's own names are those of the whole."""
    return _inbound_part(dump(part), part, tuple(f"{name}|{index}" for name in transport_keys))


def _each(sent: Json, became: Outcome) -> Iterator[Json]:
    """Give the response to each entry; what is told of an entry stands with it, the rest with each stay."""
    stays = iter(became.stays)
    entries = sent.get("entry", [])
    has_stay = any(_is_stay(entry) for entry in entries)
    for index, entry in enumerate(entries):
        type_ = bundles.type_of(entry)
        of_it = [issue for issue in became.issues if issue.where.startswith(f"Bundle.entry[{index}]")]
        if type_ == "Encounter":
            stay = next(stays, None) if _is_stay(entry) else None
            of_all = [issue for issue in became.issues if not issue.where.startswith("Bundle.entry[")]
            of_entry = outcome_resource(replace(became, issues=(*of_it, *of_all)), IN_FHIR)
            status = _status(201 if stay is not None and stay.is_new else 200)
            yield {"status": status, **_location(stay), "outcome": of_entry}
        else:
            is_used = has_stay and type_ in bundles.USED
            yield _no_content_response(USED, *of_it) if is_used else _no_content_response(NOT_RETAINED)


def _is_stay(entry: Json) -> bool:
    is_encounter = bundles.type_of(entry) == "Encounter"
    return is_encounter and not bundles.is_part(entry["resource"], entry.get("fullUrl", ""))


def _response_with_places(response: Json, part: list[int]) -> Json:
    """Return the response to a part of a batch with its places as they are in the whole."""
    for issue in response["outcome"]["issue"]:
        issue["expression"] = [
            _ENTRY.sub(lambda match: f"Bundle.entry[{part[int(match[1])]}]", expression)
            for expression in issue.get("expression", [])
        ]
        if not issue["expression"]:
            del issue["expression"]
    return response


def _unheeded_issues(entry: Json, index: int) -> Iterator[Issue]:
    request = entry.get("request") or {}
    return issues(bundles.type_of(entry), request, f"Bundle.entry[{index}].request")


def _no_content_response(*issues: Issue) -> Json:
    return {"status": _status(200), "outcome": outcome(issues, "information")}


def _fault(error: CasebridgeError) -> Json:
    issues_as_outcome = outcome(first_issues(error.issues, OF_AN_ENTRY), "error")
    return {"status": _status(error.status), "outcome": issues_as_outcome}


def _location(stay: Stay | None) -> Json:
    if stay is None or not stay.encounter:
        return {}
    tag = {"etag": f'W/"{stay.version}"'} if stay.version is not None else {}
    return {"location": f"Encounter/{stay.encounter}", **tag}


def _status(number: int) -> str:
    names = {200: "OK", 201: "Created", 202: "Accepted"}
    return f"{number} {names[number]}" if number in names else str(number)
