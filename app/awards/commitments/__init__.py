"""Commitments: what a firm owes after the money, jobs and the investment kept, by days of the frozen parameters."""
