"""Amendments of an advance that two persons make: reschedules, waivers, write-offs; and what settles it on a day."""
