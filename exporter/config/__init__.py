"""What the operator says: the configuration, its files and its reload."""
