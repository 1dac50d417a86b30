"""Serves the statistics of all protected processes to Prometheus; see README.md."""
