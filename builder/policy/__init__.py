"""The target model: where its files are, its chat template, its tokens, and one YAML file for each shipped target.

Nothing here generates: that is `engines`.
"""
