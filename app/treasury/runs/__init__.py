"""Payment runs: the approved payments of a territory up to a cut-off, in one file for the bank of the payer."""
