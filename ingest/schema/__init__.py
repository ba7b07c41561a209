"""The formats that ingest writes and others read: city.toml, faults, tables, telemetry, live picture.

Imports nothing else of the project. The modules stand apart because their readers do: ``codes``, ``life``, ``limits``,
``city``, ``tables``, ``telemetry``, ``live``.
"""
