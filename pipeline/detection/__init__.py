"""DECIDE: histories -> decisions: momentum, and the lifecycle of its alert. Pure: no client, no clock."""
