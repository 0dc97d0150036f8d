"""The roadmap of a territory: drafted, adopted by a committee, followed."""
