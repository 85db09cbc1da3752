"""MEASURE: histories -> readings: engagement index, quadrants, champions, phase. Pure: no client, no clock."""
