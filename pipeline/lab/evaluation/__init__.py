"""How well alerts meet what hindsight says of the same past: labels, scores, and the simple rules to compare with."""
