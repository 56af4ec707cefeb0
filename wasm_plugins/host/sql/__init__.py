"""How a plugin's SQL is proved harmless and run, one file per database."""
