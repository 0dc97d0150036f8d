"""Accounts of organisations: proposed by one person, approved by another, as the bank details of firms are."""
