"""What a scrape shows: the table of metrics and its text."""
