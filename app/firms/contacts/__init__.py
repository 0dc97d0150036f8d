"""The persons of a firm whom a territory knows: personal data, with a purpose, a legal basis and an end."""
