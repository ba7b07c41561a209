"""Telemetry stores: one small interface, Parquet segments or InfluxDB behind it.

``store`` says what a store must do; ``parquet`` and ``influx`` do it; ``opening`` picks one by the city's URL.
"""
