"""The trail of accesses: who read what is personal or confidential, and who was refused, for auditors."""
