"""Settings from the environment, read once, frozen; nothing is read at import."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from urllib.parse import urlsplit

from service.errors import Misconfigured


@dataclass(frozen=True, slots=True)
class Settings:
    """What an operator can set; the names are CASEBRIDGE_ and the upper-cased field."""

    database_url: str
    read_database_url: str | None
    database_role: str | None
    listen_url: str | None
    amqp_url: str | None
    base_url: str
    partners: Path | None
    overlays: tuple[str, ...]
    auth: str
    mappings: Path
    host: str
    port: int
    epoch: int
    secret_file: Path | None
    tls_proxies: tuple[IPv4Network | IPv6Network, ...]
    hsts_seconds: int
    max_body_bytes: int
    max_inflated_bytes: int
    max_depth: int
    max_entries: int
    max_header_bytes: int
    max_query_bytes: int
    header_seconds: int
    max_count: int
    max_included: int
    query_seconds: int
    partner_rate: int
    partner_requests: int
    address_rate: int
    event_days: int
    inbox_days: int
    inbox_body_days: int
    audit_days: int
    audit_feed: str | None
    audit_feed_token_file: Path | None
    audit_feed_certificate: Path | None
    audit_feed_key: Path | None
    exports: int
    export_hours: int
    subscription_days: int
    subscription_event_days: int

    @property
    def embedded(self) -> bool:
        """Whether the database is a file that the service keeps by itself: SQLite."""
        return self.database_url.startswith("sqlite")

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> "Settings":
        """Read the settings; raises Misconfigured with the variable's name and the remedy."""
        environment = os.environ if env is None else env
        host = environment.get("CASEBRIDGE_HOST", "127.0.0.1")
        port = _number(environment, "CASEBRIDGE_PORT", 8080)
        auth = environment.get("CASEBRIDGE_AUTH", "smart")
        _check_auth(auth, host)
        database_url = _secret(environment, "CASEBRIDGE_DATABASE_URL", "sqlite:///casebridge.db")
        return cls(
            database_url=database_url,
            read_database_url=_replica(environment, database_url),
            database_role=environment.get("CASEBRIDGE_DATABASE_ROLE") or None,
            listen_url=_listening(environment, database_url),
            amqp_url=_secret(environment, "CASEBRIDGE_AMQP_URL", "") or None,
            base_url=environment.get("CASEBRIDGE_BASE_URL", _address(host, port)).rstrip("/"),
            partners=_file(environment, "CASEBRIDGE_PARTNERS"),
            overlays=tuple(
                overlay for overlay in environment.get("CASEBRIDGE_OVERLAYS", "").split(",") if overlay
            ),
            auth=auth,
            mappings=Path(
                environment.get("CASEBRIDGE_MAPPINGS", str(Path(__file__).parent.parent / "mappings"))
            ),
            host=host,
            port=port,
            epoch=_number(environment, "CASEBRIDGE_EPOCH", 1),
            secret_file=_file(environment, "CASEBRIDGE_SECRET_FILE"),
            tls_proxies=_networks(environment, "CASEBRIDGE_TLS_PROXIES"),
            hsts_seconds=_number(environment, "CASEBRIDGE_HSTS_SECONDS", 0),
            max_body_bytes=_number(environment, "CASEBRIDGE_MAX_BODY_BYTES", 10_000_000, least=1_000),
            max_inflated_bytes=_number(environment, "CASEBRIDGE_MAX_INFLATED_BYTES", 10_000_000, least=1_000),
            max_depth=_number(environment, "CASEBRIDGE_MAX_DEPTH", 100, least=10),
            max_entries=_number(environment, "CASEBRIDGE_MAX_ENTRIES", 10_000, least=1),
            max_header_bytes=_number(environment, "CASEBRIDGE_MAX_HEADER_BYTES", 32_768, least=32_768),
            max_query_bytes=_number(environment, "CASEBRIDGE_MAX_QUERY_BYTES", 16_384, least=16_384),
            header_seconds=_number(environment, "CASEBRIDGE_HEADER_SECONDS", 30, least=1),
            max_count=_number(environment, "CASEBRIDGE_MAX_COUNT", 1_000, least=1),
            max_included=_number(environment, "CASEBRIDGE_MAX_INCLUDED", 5_000, least=1),
            query_seconds=_number(environment, "CASEBRIDGE_QUERY_SECONDS", 10, least=1),
            partner_rate=_number(environment, "CASEBRIDGE_PARTNER_RATE", 200),
            partner_requests=_number(environment, "CASEBRIDGE_PARTNER_REQUESTS", 12),
            address_rate=_number(environment, "CASEBRIDGE_ADDRESS_RATE", 20),
            event_days=_number(environment, "CASEBRIDGE_EVENT_DAYS", 90),
            inbox_days=_inbox_days(environment),
            inbox_body_days=_number(environment, "CASEBRIDGE_INBOX_BODY_DAYS", 0),
            audit_days=_number(environment, "CASEBRIDGE_AUDIT_DAYS", 0),
            audit_feed=_feed(environment, "CASEBRIDGE_AUDIT_FEED"),
            audit_feed_token_file=_file(environment, "CASEBRIDGE_AUDIT_FEED_TOKEN_FILE"),
            audit_feed_certificate=_file(environment, "CASEBRIDGE_AUDIT_FEED_CERTIFICATE"),
            audit_feed_key=_file(environment, "CASEBRIDGE_AUDIT_FEED_KEY"),
            exports=_number(environment, "CASEBRIDGE_EXPORTS", 5, least=1),
            export_hours=_number(environment, "CASEBRIDGE_EXPORT_HOURS", 24, least=1),
            subscription_days=_number(environment, "CASEBRIDGE_SUBSCRIPTION_DAYS", 3),
            subscription_event_days=_number(environment, "CASEBRIDGE_SUBSCRIPTION_EVENT_DAYS", 30, least=1),
        )


def _address(host: str, port: int) -> str:
    # the colons of IPv6 stand between brackets (RFC 3986 section 3.2.2)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _secret(environment: Mapping[str, str], name: str, default: str) -> str:
    """Return a setting that holds a password: it stands in the environment, or in a file named there."""
    path = environment.get(f"{name}_FILE")
    if not path:
        return environment.get(name, default)
    if name in environment:
        raise Misconfigured(f"Set this or {name}, not both.", where=f"{name}_FILE")
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as exc:
        raise Misconfigured("The file cannot be read.", where=f"{name}_FILE") from exc


def _file(environment: Mapping[str, str], name: str) -> Path | None:
    return Path(environment[name]) if environment.get(name) else None


def _inbox_days(environment: Mapping[str, str]) -> int:
    """Return for how many days entries are kept: their bytes go with them at the latest."""
    name = "CASEBRIDGE_INBOX_DAYS"
    days, of_bodies = _number(environment, name, 0), _number(environment, "CASEBRIDGE_INBOX_BODY_DAYS", 0)
    if days and of_bodies > days:
        raise Misconfigured("Keep entries at least as long as CASEBRIDGE_INBOX_BODY_DAYS.", where=name)
    return days


def _listening(environment: Mapping[str, str], database_url: str) -> str | None:
    """Return where notices of new messages are listened for: PostgreSQL alone gives any."""
    url = _secret(environment, "CASEBRIDGE_LISTEN_URL", "")
    if url not in {"", "off"} and not url.startswith("postgresql"):
        what = "Write the URL of PostgreSQL itself, past a pooler, or `off`."
        raise Misconfigured(what, where="CASEBRIDGE_LISTEN_URL")
    listens = database_url.startswith("postgresql") and url != "off"
    return (url or database_url) if listens else None


def _replica(environment: Mapping[str, str], database_url: str) -> str | None:
    """Return where resources are read: PostgreSQL alone has replicas."""
    url = _secret(environment, "CASEBRIDGE_READ_DATABASE_URL", "")
    if url and not (url.startswith("postgresql") and database_url.startswith("postgresql")):
        what = "Write the URL of a streaming replica of PostgreSQL, which CASEBRIDGE_DATABASE_URL names."
        raise Misconfigured(what, where="CASEBRIDGE_READ_DATABASE_URL")
    return url or None


def _number(environment: Mapping[str, str], name: str, default: int, least: int = 0) -> int:
    text = environment.get(name, str(default))
    if not (text.isascii() and text.isdecimal()):
        raise Misconfigured("Not a number; write digits only.", where=name)
    if int(text) < least:
        raise Misconfigured(f"Too small; write {least} or more.", where=name)
    return int(text)


def _networks(environment: Mapping[str, str], name: str) -> tuple[IPv4Network | IPv6Network, ...]:
    try:
        return tuple(ip_network(network) for network in environment.get(name, "").split(",") if network)
    except ValueError as exc:
        raise Misconfigured("Write networks or addresses with commas: 10.1.0.0/16.", where=name) from exc


def _feed(environment: Mapping[str, str], name: str) -> str | None:
    """Return an address that the audit is sent to, which goes over the network encrypted."""
    url = environment.get(name, "").rstrip("/")
    if not url:
        return None
    try:
        parts = urlsplit(url)
        is_safe = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname or ""))
        is_whole = bool(parts.hostname) and not (parts.username or parts.query or parts.fragment)
    except ValueError:
        is_safe = is_whole = False
    if not (is_safe and is_whole):
        what = "Write the base of a FHIR server, https://host/path; http on a loopback address alone."
        raise Misconfigured(what, where=name)
    return url


def _check_auth(auth: str, host: str) -> None:
    if auth not in {"smart", "off"}:
        raise Misconfigured("Not a kind of authentication; write `smart` or `off`.", where="CASEBRIDGE_AUTH")
    if auth == "off" and not is_loopback(host):
        raise Misconfigured("`off` is for a loopback address only.", where="CASEBRIDGE_AUTH")


def is_loopback(host: str) -> bool:
    """Tell whether an address is reached from this machine alone."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
