"""The program that `pulumi up` runs: settings and catalog in, the plan as resources out."""

import pulumi
from pulumi.runtime import config as engine

import catalog
from catalog.errors import UserError
from derive.tenants import tenants
from infra import config
from infra.components.platform import City
from infra.plan.platform import plan

try:
    settings = config.read(engine.get_config_env(), pulumi.get_stack())
    city = catalog.load_named(settings.city)
    planned = plan(city, settings)
except UserError as error:
    raise pulumi.RunError(str(error)) from None  # shown as it stands, without a traceback
City(city.id, planned, settings)

pulumi.export("url", settings.public_url)
pulumi.export("city", city.id)
pulumi.export("catalogDigest", city.digest)
pulumi.export("namespaces", [tenant.id for tenant in tenants(city)])
