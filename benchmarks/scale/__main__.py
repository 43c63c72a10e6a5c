"""A program that registers the manifests of the JSON file $SCALE_MANIFESTS, as the platform's own program does its own."""

import json
import os
from pathlib import Path

import pulumi

for manifest in json.loads(Path(os.environ["SCALE_MANIFESTS"]).read_text()):
    metadata, version = manifest["metadata"], manifest["apiVersion"]
    kind = f"kubernetes:{version if '/' in version else f'core/{version}'}:{manifest['kind']}"
    name = "/".join([manifest["kind"].lower(), metadata.get("namespace", "-"), metadata["name"]])
    pulumi.CustomResource(kind, name, manifest, pulumi.ResourceOptions(version="4.25.0"))
