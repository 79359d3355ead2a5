"""Reading the explicit numeric equations of a text: tokens, expressions, values, and when a reading is in doubt."""
