"""One run, from what is prepared to what it leaves: steps, figures, checkpoints, card.

Losses are in `trainers.losses`, and know nothing of this.
"""
