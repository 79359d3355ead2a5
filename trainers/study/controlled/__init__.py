"""The controlled study: a policy that is competent, an expert that adds style and no skill, tests of another template.

What it measures, and what would support or refute the paper, is fixed in docs/evidence.md before it is run.
"""
