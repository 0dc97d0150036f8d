"""What every domain builds on. It imports none of them."""
