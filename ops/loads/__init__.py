"""Load tests from outside: the order of a run, Locust as processes here or as Jobs in the cluster, and what is shown of it."""
