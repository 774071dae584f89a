"""The configuration: its files, their rules, and how they are reloaded."""
