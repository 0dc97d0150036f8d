"""Industrial projects: who holds them, what they cost, how they are paid, and how far they have come."""
