"""Run a whole study, the paper's or the controlled one, from a source to the tables.

A study is data: a list of commands. Nothing else of the trainers knows this room.
"""
