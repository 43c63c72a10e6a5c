"""Who may stream whose lessons, compiled from the city's tiers, licences, alliances and agreements."""
