"""Framework contracts (*accords-cadres*) that orders of missions name, with their maximum and dated parameters."""
