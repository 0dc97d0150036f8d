"""The envelope of a territory: a double-entry ledger in cents, and the contributions that fill it."""
