"""Persons and organisations by name, for those who must name one: follow-up and action owners, contributors, members."""
