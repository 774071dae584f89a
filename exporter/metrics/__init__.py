"""The metrics page: the table of metrics and its rendering."""
