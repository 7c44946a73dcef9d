"""The outbound HTTP client: TLS verified, no redirect followed, no answer waited for without end.

Addresses that somebody else chose are fetched from by `wire.pinned`.
"""

from typing import Final

import requests

from service.errors import Unavailable

# to connect, and between two bytes of an answer, in seconds
TIMEOUT: Final = (5.0, 30.0)


class HttpClient:
    """Posts to addresses of the partner registry; for one thread."""

    def __init__(self) -> None:
        """Open no connection yet."""
        self._session = requests.Session()

    def post(self, url: str, body: bytes, media_type: str) -> int:
        """Post and return the status; what else is answered is not read.

        Raises:
            Unavailable: nothing was answered.
        """
        headers = {"Content-Type": media_type, "Accept": media_type}
        try:
            with self._session.post(
                url, data=body, headers=headers, timeout=TIMEOUT, allow_redirects=False, stream=True
            ) as answer:
                return answer.status_code
        except requests.RequestException as exc:
            # what it says would name the address
            raise Unavailable(f"The endpoint does not answer ({type(exc).__name__}).") from exc
