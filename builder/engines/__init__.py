"""What runs the target policy: tokens in, tokens and log-probs out."""

API_KEY_VARIABLE = "MTG_ENGINE_API_KEY"
