"""What runs inside the cluster against the object store: set-up and expiry. Mounted into the `media-tools` image by the plan."""
