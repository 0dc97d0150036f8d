"""Mandates of direct debits: by one a firm lets an organisation collect from its account what it owes."""
