"""Rates of the European Central Bank by half-years: what late interest on an invoice is computed from."""
