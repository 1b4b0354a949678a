"""What the benchmarks share: servers to measure, clients to load them with, figures to report."""
