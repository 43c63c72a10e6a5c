"""Rules, SLOs, dashboards and the coverage exporter."""
