"""Insolvency proceedings and advances: what becomes due, what stops, the claim that is declared, the plan."""
