"""A whole table from a few words: what a user says wins, and the rest follows from it.

A plan is a dictionary, or the TOML of one.  ``plan`` says which table, ``preset`` for whom; all else
is either a key that the plan's builder knows, or a field of the table itself.  From it come the table
and the memory that it leads to, as firmware leaves it for the operating system to find.
"""

from __future__ import annotations

from apeitool.plan.build import PLANS, build
from apeitool.plan.built import Built
from apeitool.plan.preset import PRESETS
from apeitool.plan.template import starting, template

__all__ = ["PLANS", "PRESETS", "Built", "build", "starting", "template"]
