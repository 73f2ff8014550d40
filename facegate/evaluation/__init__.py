"""Error rates of providers, measured on labelled pairs, with the intervals that these support."""
