"""Firms: the national register by SIREN, and what a territory knows of a firm."""
