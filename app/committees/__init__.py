"""Meetings of the committees that steer a territory: who chairs, who came, what the minutes say."""
