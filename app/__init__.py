"""Rebond: the system of record of the French State's Rebond industriel programme."""

__version__ = "0.1.0"
