"""The fast path: which rows of a batch cannot change anything and are not judged by the exact rules."""
