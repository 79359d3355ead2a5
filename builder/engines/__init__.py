"""What runs the target policy: tokens in, tokens and log-probs out."""
