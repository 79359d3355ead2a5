"""Card templates and rendered cards; data only."""
