"""Headers that every answer has, whoever made it.

https://cheatsheetseries.owasp.org/cheatsheets/REST_Security_Cheat_Sheet.html#security-headers
"""

from typing import Final

Header = tuple[bytes, bytes]
UNLESS_SAID: Final[tuple[Header, ...]] = (
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"x-content-type-options", b"nosniff"),
)


class AnswerHeaders:
    """Adds to the headers of an answer those that it does not have yet."""

    def __init__(self, hsts_seconds: int = 0) -> None:
        """Take for how long browsers are to come by https alone (RFC 6797); 0 says nothing of it."""
        hsts = (b"strict-transport-security", b"max-age=%d" % hsts_seconds)
        self._unless_said = (*UNLESS_SAID, hsts) if hsts_seconds else UNLESS_SAID

    def whole(self, headers: list[Header]) -> list[Header]:
        """Return all headers of an answer that has these; their names are in lower case."""
        said = {name for name, _ in headers}
        return [*headers, *(header for header in self._unless_said if header[0] not in said)]
