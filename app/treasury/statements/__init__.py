"""Bank statements: the entries of an account become receipts, and what the bank sent back bounces."""
