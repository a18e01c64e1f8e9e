"""Quality and speed beside the peers: `python -m benchmarks`."""
