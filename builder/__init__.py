"""Build D′: rewrite a supervised fine-tuning dataset so that it sits close to its target policy."""

__version__ = "0.1.0"
