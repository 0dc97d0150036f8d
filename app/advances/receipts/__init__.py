"""Receipts: money that came in on a bank account, assigned to the advances that it repays."""
