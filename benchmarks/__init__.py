"""The benchmarks: `python -m benchmarks` measures what docs/benchmarks.md shows.

Whatever is measured runs in a process of its own, so that its CPU and memory are its own; the two sides of a ratio
take turns. Every benchmark checks the output of its subjects, and fails if it is wrong.
"""
