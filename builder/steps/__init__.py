"""The distilabel steps of the flow: generate, verify, route, score."""
