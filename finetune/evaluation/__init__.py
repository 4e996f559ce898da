"""An adapter against its base and against what costs nothing, on what came later."""
