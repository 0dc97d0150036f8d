"""The programme's frame: waves of the call, laureate territories, their perimeters by vintage."""
