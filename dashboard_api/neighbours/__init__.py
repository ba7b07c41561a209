"""Interfaces that other systems call: one package or module for each, with one mapping table of names."""
