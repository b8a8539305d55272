"""Whether the modelled Linux and a real one agree: the same bytes for both, and what they make of them.

What is given is a rule and a seed, fixed before anything is compared (`blocks`, `tables`).
"""
