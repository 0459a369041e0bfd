"""Who keeps which state, and who talks to whom."""
