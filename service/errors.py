"""The errors of Casebridge, one tree, rendered once per door.

    CasebridgeError
    ├── Rejected         the input cannot be used as it is            400 / 422  AE
    │   ├── Malformed    it could not even be read                    400
    │   ├── Refused      it can be read, but will never be used       422
    │   ├── TooLarge     it is over the stated limit                  413
    │   ├── TooLong      the address is over the stated limit         414
    │   ├── TooSlow      it did not come in time                      408
    │   ├── Unsupported  a media type or feature we do not take       415
    │   ├── Unspoken     no form of the answer is accepted            406
    │   ├── Unallowed    the address does not take the method         405
    │   └── Ungranted    no token is issued for it                    400
    ├── Unauthenticated  no token shows who asks                      401
    ├── Denied           the partner has no right to this kind        403
    │   └── Unscoped     no scope that it was granted covers it       403
    ├── NotFound         it does not exist in the partner's scope     404
    │   └── Gone         it was erased                                410
    │       └── Unkept   it is older than what is kept                410
    ├── Conflict         it contradicts what is stored                409
    │   ├── Precondition    If-Match is missing                       428
    │   └── Stale           what the sender makes it depend on is not so  412
    ├── Unavailable      a part we need does not answer now           503  AR
    ├── TooMany          more is asked at once than one may           429
    └── Misconfigured    a setting, mapping or registry is wrong: refuses to start; exits 2, a check of it 1

Every error carries issues: what is wrong, where, what to do; at most `MOST_ISSUES`, and how many there are
beside these. No issue quotes personal data.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Final

MOST_ISSUES: Final = 100
# no more than this are looked for: who sends a million mistakes needs not know their number
_COUNTED: Final = 1_000


@dataclass(frozen=True, slots=True)
class Issue:
    """One thing wrong: `where` is a JSON pointer, FHIRPath or file:line:column; `code` a FHIR IssueType."""

    what: str
    where: str = ""
    code: str = "invalid"


def first_issues(issues: Iterable[Issue], most: int = MOST_ISSUES) -> tuple[Issue, ...]:
    """Return at most so many issues; where there are more, the last says how many are not listed."""
    counted = tuple(islice(issues, _COUNTED))
    if len(counted) <= most:
        return counted
    left = len(counted) - most + 1
    how_many = f"{left} or more" if len(counted) == _COUNTED else f"{left}"
    return (*counted[: most - 1], Issue(f"{how_many} more of these are not listed.", "", "informational"))


class CasebridgeError(Exception):
    """The root; `status` is the HTTP status, `code` the FHIR IssueType of the whole."""

    status = 500
    code = "exception"
    title = "Internal error"

    def __init__(self, what: str, *, where: str = "", issues: Iterable[Issue] = ()) -> None:
        """Take one sentence, its place, or issues when there is more than one; the first are kept."""
        self.issues: tuple[Issue, ...] = self.shown_issues(issues) or (Issue(what, where, self.code),)
        super().__init__(what)

    def shown_issues(self, issues: Iterable[Issue]) -> tuple[Issue, ...]:
        """Return those of the issues that are told."""
        return first_issues(issues)

    def __str__(self) -> str:
        """The sentence with its place in front."""
        where = self.issues[0].where
        return f"{where}: {self.args[0]}" if where else str(self.args[0])


class Rejected(CasebridgeError):
    """The input cannot be used as it is."""

    status = 422
    code = "invalid"
    title = "Content not acceptable"


class Malformed(Rejected):
    """The input could not even be read."""

    status = 400
    code = "structure"
    title = "Malformed content"


class Refused(Rejected):
    """It can be read, but will never be used as it is: not kept for later either."""


class TooLarge(Rejected):
    """The input is over the stated limit."""

    status = 413
    code = "too-long"
    title = "Content too large"


class TooLong(Rejected):
    """The address is over the stated limit."""

    status = 414
    code = "too-long"
    title = "URI too long"


class TooSlow(Rejected):
    """The input did not come in time."""

    status = 408
    code = "timeout"
    title = "Request timeout"


class Unsupported(Rejected):
    """A media type or feature we do not take."""

    status = 415
    code = "not-supported"
    title = "Unsupported media type"


class Unspoken(Rejected):
    """The answer has no form that is accepted."""

    status = 406
    code = "not-supported"
    title = "Not acceptable"


class Unallowed(Rejected):
    """The address does not take the method."""

    status = 405
    code = "not-supported"
    title = "Method not allowed"


class Ungranted(Rejected):
    """No token is issued; `error` is the code of RFC 6749 section 5.2.

    `partner` is the registered one that the assertion names, proven or not, for the record alone.
    """

    status = 400
    code = "security"
    title = "No token is issued"

    def __init__(self, error: str, what: str) -> None:
        """Take the code, and the sentence for who integrates."""
        super().__init__(what)
        self.error = error
        self.partner = ""


class Unauthenticated(CasebridgeError):
    """No token shows who asks; `error` is the code of RFC 6750 section 3.1, empty where none was sent."""

    status = 401
    code = "login"
    title = "Unauthorized"

    def __init__(self, what: str, error: str = "", partner: str = "") -> None:
        """Take the sentence, the code, and the name of the partner whose token it is that is not taken."""
        super().__init__(what, where="Authorization")
        self.error = error
        self.partner = partner


class Denied(CasebridgeError):
    """The partner has no right to this kind of thing."""

    status = 403
    code = "forbidden"
    title = "Forbidden"


class Unscoped(Denied):
    """No scope that was granted covers it; `scope` would (RFC 6750 section 3.1)."""

    def __init__(self, what: str, scope: str) -> None:
        """Take the sentence and the scope."""
        super().__init__(what)
        self.scope = scope


class NotFound(CasebridgeError):
    """It does not exist in the partner's scope."""

    status = 404
    code = "not-found"
    title = "Not found"


class Gone(NotFound):
    """It was erased."""

    status = 410
    code = "deleted"
    title = "Erased"


class Unkept(Gone):
    """It is older than what is kept."""

    title = "No longer kept"


class Conflict(CasebridgeError):
    """It contradicts what is stored."""

    status = 409
    code = "conflict"
    title = "Conflict"


class Precondition(Conflict):
    """A change of an existing document needs If-Match."""

    status = 428
    code = "required"
    title = "Precondition required"


class Stale(Conflict):
    """What the sender makes it depend on is not so: the revision or version that If-Match names is old."""

    status = 412
    code = "conflict"
    title = "Precondition failed"


class Unavailable(CasebridgeError):
    """A part we need does not answer now; trying again may help."""

    status = 503
    code = "transient"
    title = "Temporarily unavailable"


class TooMany(CasebridgeError):
    """More is asked at once than one may; `seconds` from now the next is answered."""

    status = 429
    code = "throttled"
    title = "Too many requests"

    def __init__(self, what: str, seconds: int = 1) -> None:
        """Take the sentence, and after how many seconds it is worth trying again."""
        super().__init__(what)
        self.seconds = seconds


class Misconfigured(CasebridgeError):
    """A setting, mapping or partner registry is wrong; the service does not start."""

    code = "invariant"
    title = "Wrong configuration"

    def shown_issues(self, issues: Iterable[Issue]) -> tuple[Issue, ...]:
        """All: files of ours are corrected in one go."""
        return tuple(issues)
