"""Agendas of committees: the aid files that a meeting decides, frozen before it does."""
