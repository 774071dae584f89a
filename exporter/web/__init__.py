"""The HTTP side: the pages over a fleet, and who may see them."""
