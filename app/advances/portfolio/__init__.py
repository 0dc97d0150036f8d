"""The portfolio of advances: what is outstanding, how old arrears are, what is expected, and what is lost."""
