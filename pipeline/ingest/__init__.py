"""Stage 2, TRUST: the topic's records become checked activities, or dead letters with a reason."""
