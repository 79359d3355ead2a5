"""The steps of the flow, and everything else that needs distilabel, which is imported nowhere but here.

What a step decides stands in `method`, what it asks in `engines`, what it keeps in `journal`.
"""
