"""Tables of accounts, sessions, API tokens and the audit log.

Times are UTC microseconds since 1970. The tables hold no secrets: passwords as argon2 hashes, everything else that
opens a door as SHA-256 of a random value. People's names are in ``users`` and ``audit_names`` alone; ``audit``
holds salted commitments to them.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import JSON, BigInteger, Boolean, Column, Integer, String, Table, Text, UniqueConstraint

from ingest.schema.tables import metadata

ACCOUNTS_LOST_FILE: Final = "accounts-lost.txt"  # in the data folder, since a database with accounts was set aside
HASH_CHARACTERS: Final = 64  # SHA-256 in hexadecimal

users = Table(
    "users",
    metadata,
    Column("id", String(26), primary_key=True),  # ULID
    Column("name", String(64), nullable=False, unique=True),  # as typed at sign-in, casefolded
    Column("role", String(16), nullable=False),
    Column("districts", JSON, nullable=False),  # of a crew; ["*"] = all
    Column("password_hash", Text),  # null = cannot sign in by password
    Column("is_disabled", Boolean, nullable=False),
    Column("issuer", String(255)),  # of an account that came by OpenID Connect
    Column("subject", String(255)),
    Column("created_at_us", BigInteger, nullable=False),
    UniqueConstraint("issuer", "subject"),
)

# One-time links: whoever opens one sets the password of its account.
sign_in_links = Table(
    "sign_in_links",
    metadata,
    Column("code_hash", String(HASH_CHARACTERS), primary_key=True),
    Column("user_id", String(26), nullable=False, index=True),
    Column("expires_at_us", BigInteger, nullable=False),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id_hash", String(HASH_CHARACTERS), primary_key=True),  # of the cookie's value
    Column("user_id", String(26), index=True),
    Column("token_id", String(26), index=True),  # a display's session: as good as its token
    Column("created_at_us", BigInteger, nullable=False),
    Column("seen_at_us", BigInteger, nullable=False),
    Column("expires_at_us", BigInteger, nullable=False),
)

tokens = Table(
    "tokens",
    metadata,
    Column("id", String(26), primary_key=True),
    Column("name", String(64), nullable=False, unique=True),
    Column("secret_hash", String(HASH_CHARACTERS), nullable=False, unique=True),
    Column("scopes", JSON, nullable=False),
    Column("districts", JSON, nullable=False),  # ["*"] = all
    Column("per_minute", Integer, nullable=False),  # requests
    Column("created_at_us", BigInteger, nullable=False),
    Column("expires_at_us", BigInteger),  # null = never
    Column("revoked_at_us", BigInteger),
    Column("used_at_us", BigInteger),  # to within a minute
)

# Attempts to sign in: what a guesser has to wait. Keys are keyed digests, since people type passwords into name fields.
sign_in_attempts = Table(
    "sign_in_attempts",
    metadata,
    Column("key", String(HASH_CHARACTERS), primary_key=True),
    Column("n", Integer, nullable=False),
    Column("at_us", BigInteger, nullable=False, index=True),
    Column("free_at_us", BigInteger, nullable=False),
)

# Append-only: triggers refuse UPDATE and DELETE, and each line's MAC covers the line before it.
audit = Table(
    "audit",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),  # from 1, without gaps
    Column("at_us", BigInteger, nullable=False),
    Column("actor", String(HASH_CHARACTERS), nullable=False),  # commitment
    Column("origin", String(HASH_CHARACTERS), nullable=False),  # commitment to the address
    Column("action", String(48), nullable=False),
    Column("target", Text, nullable=False),
    Column("before", JSON, nullable=False),
    Column("after", JSON, nullable=False),
    Column("mac", String(HASH_CHARACTERS), nullable=False),
)

# One row: the newest line. Its seal needs the key, so that lines cannot be cut off at the end.
audit_head = Table(
    "audit_head",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("seq", BigInteger, nullable=False),
    Column("mac", String(HASH_CHARACTERS), nullable=False),
    Column("seal", String(HASH_CHARACTERS), nullable=False),
)

# What the commitments are made of. Blanking a person empties `salt` and `text`: the commitment then tells nothing.
audit_names = Table(
    "audit_names",
    metadata,
    Column("commitment", String(HASH_CHARACTERS), primary_key=True),
    Column("person_id", Text, nullable=False, index=True),
    Column("kind", String(8), nullable=False),  # name or address
    Column("salt", String(32)),
    Column("text", Text),
    UniqueConstraint("person_id", "kind", "text"),
)
