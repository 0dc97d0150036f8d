"""What an aid comes to: the right that certified cost gives. Pure: no session, no await."""


def due_on_certified(award_cents: int, certified_cents: int, base_cents: int) -> int:
    """What the certified cost gives a right to: min(award, ⌊award × certified ÷ base⌋)."""
    return min(award_cents, award_cents * certified_cents // base_cents)
