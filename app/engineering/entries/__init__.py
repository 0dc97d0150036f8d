"""Time entries: entered, submitted, validated, reversed; the week's grid, months that are closed, imports."""
