// Command pulumi-resource-kubernetes is the published provider, started the way its own main starts it.
// The module ships its schema beside the sources but embeds generated copies that are not in the module zip,
// so the builder copies schema.json and terraform-mapping.json here before it compiles.
package main

import (
	_ "embed"

	"github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/provider"
	"github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/version"
)

//go:embed schema.json
var schema []byte

//go:embed terraform-mapping.json
var mapping []byte

func main() { provider.Serve("kubernetes", version.Version, schema, mapping) }
