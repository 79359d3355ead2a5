"""What runs the target policy: tokens in, tokens and log-probs out."""

API_KEY_VARIABLE = "MTG_ENGINE_API_KEY"

# How the engine of a session was recognised as the target, in the manifest's words.
STARTED_HERE = "started by the build"
TRUSTED = "not checked"
BY_WEIGHTS = "scored by local weights"
AS_BEFORE = "same as the first session"
BY_NAME = "name only"
