"""Tranches: the payments of an advance, each on the conditions of its agreement."""
