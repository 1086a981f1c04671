"""The programs of the lab; each module adds its servers and visits to a plan."""
