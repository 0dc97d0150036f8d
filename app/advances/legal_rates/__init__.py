"""Legal rates of interest (*taux de l'intérêt légal*) by half-years: what late interest runs at by default."""
