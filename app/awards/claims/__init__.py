"""Claims (*demandes de versement*): what a firm has spent of an aid, settled line by line by somebody else."""
