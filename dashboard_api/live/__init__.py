"""The live picture that ingest writes, mapped into memory."""
