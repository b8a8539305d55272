"""Verbs of ``apeitool lab`` that take a file of their own."""
