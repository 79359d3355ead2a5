"""Stand-ins for what a test or a measurement cannot have: engines that answer at once, finished builds."""
