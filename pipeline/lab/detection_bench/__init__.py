"""How late the detector is against the best possible one, on simulated communities whose change is known to the day."""
