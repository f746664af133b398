"""How long the parts take: what is measured, and the clock it is measured with."""
