"""Certificates and keys of a city: its certification authority, its controllers' enrolment, the key that signs orders.

Owns the folder ``pki`` of a city and everything in it. Used by the command line and by the API; imports of the project
the formats on the wire alone.
"""
