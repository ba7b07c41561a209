"""What ingest does with the city's database between two ticks: faults, commands, maintenance, controllers, register.

The modules here are errands of ``ingest.intake``: short, polled, and patient while the database is not to be had.
"""
