"""Dashboards: one neutral list of panels, drawn by Grafana and by the kit's own viewer."""
