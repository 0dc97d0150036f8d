"""Recoveries: what was paid of a grant and must come back, from the finding to the last cent or its waiver."""
