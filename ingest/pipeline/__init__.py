"""The ingest loop: judge, commit, acknowledge."""
