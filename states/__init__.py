"""What this product does: one package per state, made of steps. Uses the engine through `zflow.api` only."""
