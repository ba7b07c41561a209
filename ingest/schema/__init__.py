"""The formats that ingest writes and others read: city.toml, faults, tables, telemetry, live picture.

Imports nothing else of the project but ``edge_agent.wire``, whose quantities ``telemetry`` stores and whose schedule
``city`` reads. The modules stand apart because their readers do: ``codes``, ``life``, ``limits``,
``city``, ``tables``, ``telemetry``, ``live``.
"""
