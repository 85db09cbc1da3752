"""Names for simulated communities: themes that a company of shops and warehouses talks about."""

from __future__ import annotations

_NAMES = (
    "Life at the company",
    "Store managers",
    "Data practitioners",
    "Health and safety",
    "Customer voice",
    "Fresh products",
    "Supply chain",
    "Digital workplace help",
    "Lean and continuous improvement",
    "Cashiers exchange",
    "Human resources news",
    "Local partnerships",
    "Bakery know-how",
    "Energy savings",
    "Buyers",
    "Loyalty programme",
    "Accessibility",
    "Learning and training",
    "Logistics incidents",
    "Price watch",
    "Agile teams",
    "Corporate responsibility",
    "Self-service tills",
    "Night shift",
    "Legal questions",
    "Wine cellar",
    "Office automation",
    "Fraud prevention",
    "New stores",
    "Food waste",
    "Fleet and deliveries",
    "Maintenance",
    "Innovation challenge",
    "Quality labels",
    "Works council",
    "Finance close",
    "Regional animation",
    "Cycling to work",
    "Click and collect",
    "Seasonal campaigns",
)


def name_of(rank: int) -> tuple[str, str]:
    """(id, name) of the community of this rank, counted from 0; beyond the list they are numbered."""
    name = _NAMES[rank] if rank < len(_NAMES) else f"Team {rank + 1}"
    return name.lower().replace(" ", "-"), name
