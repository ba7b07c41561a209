"""Behind ``ingest.detection``: counters, per-lamp state, electrical grouping, explanation, baselines, snapshots.

Everything here is arithmetic on arrays and small values: no clock, no file, no socket.
"""
