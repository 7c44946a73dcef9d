"""Our signing keys, encrypted, and the client assertions that were used."""

from datetime import datetime
from typing import Any, Final, Protocol

from cryptography.fernet import InvalidToken
from sqlalchemy import Engine, bindparam, delete, func, insert, select, text, tuple_, update

from service.errors import Misconfigured
from service.store import tables as t
from service.store.rows.typed import aware
from service.store.sql.engine import reading, writing
from service.values.access.credentials import SigningKey

USE: Final = text(
    "INSERT INTO used_assertion (issuer, jti, expires) VALUES (:issuer, :jti, :expires) "
    "ON CONFLICT (issuer, jti) DO NOTHING"
).bindparams(bindparam("expires", type_=t.used_assertion.c.expires.type))
FORGOTTEN: Final = 200
"""How many past assertions are forgotten with each one that is used: more than come in."""


class Cipher(Protocol):
    """Encrypts and decrypts, as those of cryptography.fernet do."""

    def encrypt(self, data: bytes) -> bytes:
        """Encrypt."""

    def decrypt(self, token: bytes) -> bytes:
        """Decrypt; raises InvalidToken."""


class SqlCredentials:
    """`flows.ports.CredentialsPort` on SQLite or PostgreSQL."""

    def __init__(self, engine: Engine, cipher: Cipher) -> None:
        """Take the engine, and what private keys are encrypted with."""
        self._engine = engine
        self._cipher = cipher

    def signing_keys(self) -> list[SigningKey]:
        """Return our keys, the newest first.

        Raises:
            Misconfigured: a private key was encrypted with another secret.
        """
        chosen = select(t.signing_key).order_by(t.signing_key.c.number.desc())
        with reading(self._engine) as connection:
            return [self._key_of(row) for row in connection.execute(chosen)]

    def last_number(self) -> int:
        """Return the number of the newest of our keys, 0 without any; no secret is needed for it."""
        with reading(self._engine) as connection:
            return int(connection.execute(select(func.max(t.signing_key.c.number))).scalar() or 0)

    def add_signing_key(self, key: SigningKey, public: str, over: datetime) -> None:
        """Add a key with its public part; retire those before it, and delete those retired before `over`.

        A retired key loses its private part: what it signed is verified with the public one.

        Raises:
            Conflict: another has its number already.
        """
        c = t.signing_key.c
        row = {
            "number": key.number,
            "kid": key.kid,
            "public": public.encode(),
            "private": self._cipher.encrypt(key.jwk.encode()),
            "created": key.created,
        }
        with writing(self._engine) as connection:
            connection.execute(insert(t.signing_key), row)
            before = update(t.signing_key).where(c.number < key.number, c.retired.is_(None))
            connection.execute(before.values(retired=key.created, private=None))
            connection.execute(delete(t.signing_key).where(c.retired < over))

    def use_assertion(self, issuer: str, jti: str, expires: datetime, now: datetime) -> bool:
        """Record that an assertion is used; return whether it is so for the first time, in any process.

        The insert decides. Some of what is past at `now` is forgotten.
        """
        c = t.used_assertion.c
        past = select(c.issuer, c.jti).where(c.expires < now).limit(FORGOTTEN)
        with writing(self._engine) as connection:
            used = connection.execute(USE, {"issuer": issuer, "jti": jti, "expires": expires})
            # whoever else forgets them at the same time has locked them
            locked = connection.execute(past.with_for_update(skip_locked=True)).all()
            if locked:
                keys = [(row.issuer, row.jti) for row in locked]
                connection.execute(delete(t.used_assertion).where(tuple_(c.issuer, c.jti).in_(keys)))
            return bool(used.rowcount == 1)

    def _key_of(self, row: Any) -> SigningKey:
        jwk = bytes(row.public)
        if row.private is not None:
            try:
                jwk = self._cipher.decrypt(bytes(row.private))
            except InvalidToken as exc:
                what = (
                    "The signing keys of the database were encrypted with another secret; name that file, "
                    "or, when it is lost, make a key with `casebridge keys rotate`."
                )
                raise Misconfigured(what, where="CASEBRIDGE_SECRET_FILE") from exc
        retired = aware(row.retired) if row.retired is not None else None
        return SigningKey(row.number, row.kid, jwk.decode(), aware(row.created), retired)
