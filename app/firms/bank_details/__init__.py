"""Bank details of firms: proposed by one person, approved by another, and read in full by the treasurer alone."""
