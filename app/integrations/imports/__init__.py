"""Files that come in: kinds, uploads, the runner, and what became of each line."""
