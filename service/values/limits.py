"""What a sender may send and a reader ask for at once."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class InputLimits:
    """The most that is taken in.

    `body_bytes` are those of a body as it is sent, `inflated_bytes` those that a compressed one comes to;
    `depth` is that of JSON, `entries` are a Bundle's, `query_bytes` those of what stands behind `?`, `count`
    is that of a page, `included` are the resources that come with it.
    """

    body_bytes: int = 10_000_000
    inflated_bytes: int = 10_000_000
    depth: int = 100
    entries: int = 10_000
    query_bytes: int = 16_384
    count: int = 1_000
    included: int = 5_000

    @property
    def content_bytes(self) -> int:
        """The most bytes of a body, whichever way it came."""
        return max(self.body_bytes, self.inflated_bytes)
