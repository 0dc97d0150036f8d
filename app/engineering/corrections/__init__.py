"""Corrections of certified entries: what an entry should have been, who agrees, and who accepts."""
