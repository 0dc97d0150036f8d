"""Persons and organisations by name, for those who must name one: owners of follow-ups and actions, contributors."""
