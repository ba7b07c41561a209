"""Alembic's environment: the history of the database's schema, one file a step."""
