"""Grants (*subventions*): awards that commit the envelope, and their payments."""
