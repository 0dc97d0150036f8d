"""What the lead firm expects of a mission: the plan of its days by week, and the days that remain to be done."""
