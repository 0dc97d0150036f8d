"""The treasury: accounts that organisations pay from, and runs that pay what is approved by a file for the bank."""
