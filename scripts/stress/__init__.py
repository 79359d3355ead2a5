"""Builds under attack: kills, faults, hostile answers. Each ends with what was survived."""
