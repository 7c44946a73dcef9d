"""A partner exports what it may see: it begins, asks how far it is, and fetches part after part.

Nothing runs in the background: an export is planned by whoever asks how far it is, a few seconds at a time,
and a part is made when it is fetched. So any process may answer, and one that dies takes nothing with it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic
from typing import Final

from service.errors import Denied, NotFound, TooMany
from service.flows.export.organized import lines_by_patient
from service.flows.ports import Clock
from service.flows.ports.exports import ExportsPort
from service.values.access.scope import Partner, Scope
from service.values.jobs.exports import Asked, Deletion, Export, Lines, Part

PLANNING: Final = 2.0
"""So many seconds at most an export is planned before it is told how far that is."""


@dataclass(frozen=True, slots=True)
class ExportLimits:
    """How many exports of a partner may be under way, and for how many hours one is there."""

    exports: int = 5
    hours: int = 24


@dataclass(frozen=True, slots=True)
class Exports:
    """The story of bulk exports."""

    exports: ExportsPort
    clock: Clock
    limits: ExportLimits = ExportLimits()
    elapsed: Callable[[], float] = monotonic

    def begin(self, partner: Partner, scope: Scope, asked: Asked) -> Export:
        """Begin an export.

        Raises:
            Denied: the glass of somebody was broken: that is for what is needed of one person now.
            TooMany: the partner has begun too many that it has not seen through.
            Unavailable: the database does not answer, or more was written lately than can be waited for.
        """
        _check_ordinary(scope)
        now = self.clock()
        lifetime = timedelta(hours=self.limits.hours)
        self.exports.end_past(now - lifetime, now)
        unfinished = self.exports.unfinished(partner.name, now - lifetime)
        if len(unfinished) >= self.limits.exports:
            what = f"{len(unfinished)} exports are under way; see one through, or DELETE it, before the next."
            raise TooMany(what, max(1, int((unfinished[0] + lifetime - now).total_seconds())))
        return self.exports.begin(partner.name, scope, asked, now)

    def find(self, partner: Partner, id_: str) -> Export:
        """Return an export of a partner's; raises NotFound where there is none, or it is past."""
        export = self.exports.find(id_)
        if export is None or export.partner != partner.name or self.expires(export) <= self.clock():
            raise NotFound("There is no such export; one is there for some time after it was begun.")
        return export

    def expires(self, export: Export) -> datetime:
        """Return until when an export is there."""
        return export.at + timedelta(hours=self.limits.hours)

    def plan(self, export: Export, scope: Scope) -> Export:
        """Plan an export on, for some seconds, and return it as it then is.

        Raises:
            Denied: who asks has other rights than the export was begun with, or broke somebody's glass.
        """
        _check_ordinary(scope)
        if export.finished:
            return export
        if not self.exports.may_plan(export, scope):
            raise Denied("Ask with the scopes and the purpose of use that the export was begun with.")
        give_up = self.elapsed() + PLANNING
        export = self.exports.advance(export, scope)
        while not export.finished and self.elapsed() < give_up:
            export = self.exports.advance(export, scope)
        return export

    def parts(self, export: Export) -> list[Part]:
        """Return the parts of an export, in order."""
        return self.exports.parts(export.id)

    def part(self, export: Export, number: int) -> Part:
        """Return a part; raises NotFound."""
        part = self.exports.part(export.id, number)
        if part is None:
            raise NotFound("The export has no such part; its manifest lists them.")
        return part

    def lines(self, export: Export, part: Part, scope: Scope) -> Lines:
        """Return what of a part is in a scope now; raises Denied as `plan`."""
        _check_ordinary(scope)
        return self.exports.lines(export, part, scope)

    def lines_by_patient(self, export: Export, part: Part, scope: Scope) -> Lines:
        """Return what of a part's patients is in a scope now, elements as asked; raises Denied as `plan`."""
        _check_ordinary(scope)
        return lines_by_patient(self.exports, export, part, scope)

    def deletions(self, export: Export, part: Part, scope: Scope) -> list[Deletion]:
        """Return what of a part is no longer there for who asks; raises Denied as `plan`."""
        _check_ordinary(scope)
        return self.exports.deletions(export, part, scope)

    def cancel(self, export: Export) -> None:
        """Forget an export."""
        self.exports.end(export.id)

    def clients(self, scope: Scope, patients: Sequence[str]) -> dict[str, str]:
        """Return the uuids of the clients that Patients are of, by the ids of those in a scope."""
        return self.exports.clients(scope, patients)

    def members(self, scope: Scope, count: int) -> tuple[int, list[str]]:
        """Return how many clients are in a scope that is made of them, and the first few of them."""
        return self.exports.members(scope, count)


def _check_ordinary(scope: Scope) -> None:
    """Refuse whoever broke somebody's glass: that is for what is needed of one person now."""
    if scope.opened:
        raise Denied("A token for an emergency exports nothing; ask with an ordinary one.")
