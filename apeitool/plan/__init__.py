"""A whole table from a few words: what is said wins, and the rest follows from it.

A plan is a dictionary, or the TOML of one.  ``plan`` says which table it is for, ``preset`` for whom;
all else is either a key that the plan's builder knows, or a field of the table itself.  From it come
the table, and the memory that it leads to, as firmware leaves it for the operating system to find.
"""
