"""What outlives the process: the state file and its commits."""
