"""Collection runs: instalments of advances that are collected by direct debit, in one file for the bank."""
