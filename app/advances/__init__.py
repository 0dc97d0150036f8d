"""Repayable advances (*avances remboursables*): awards with terms, tranches, the schedule, repayments."""
