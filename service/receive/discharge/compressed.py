"""What is compressed is not taken: how much it comes to is not known before it is read."""

from typing import Final

from service.errors import Unsupported

# how gzip begins: https://www.rfc-editor.org/rfc/rfc1952#section-2.3.1
GZIP: Final = b"\x1f\x8b"
CODINGS: Final = frozenset({"gzip", "x-gzip", "deflate", "compress", "x-compress", "br", "zstd"})


def check_plain(raw: bytes, where: str, coding: str = "") -> None:
    """Raise Unsupported over a compressed body: by what is said of it at `where`, or by how it begins."""
    content_coding = coding.strip().lower()
    if content_coding in CODINGS or raw.startswith(GZIP):
        how = content_coding if content_coding in CODINGS else "gzip"
        raise Unsupported(f"It is compressed ({how}): send it as it is, without a {where}.", where=where)
