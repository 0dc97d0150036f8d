"""Change requests (*demandes d'avenant*): typed changes of an aid, asked for by one person and decided by another."""
