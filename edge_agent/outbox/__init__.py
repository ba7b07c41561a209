"""Records on storage until they are acknowledged."""
