"""Publishing a release on the Hub: what is uploaded, what is missing there, and whether it arrived."""
