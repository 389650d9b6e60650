"""Past conversations of other help desks: read, freed of personal data, grouped and approved."""
