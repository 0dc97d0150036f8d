"""Arrears of advances: overdue lines by age, formal notices, acceleration, and what is told of each in time."""
