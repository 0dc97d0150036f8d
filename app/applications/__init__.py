"""Aid files: a project's request for aid, from its receipt to the day on which it is decided."""
