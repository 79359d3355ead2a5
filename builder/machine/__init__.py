"""This machine: child processes, interrupts, the terminal, files that appear at once.

Nothing here knows what is built.
"""
