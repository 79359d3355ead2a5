"""Fine-tuning on D′, and evaluation: small trainers whose losses are exact to the token."""
