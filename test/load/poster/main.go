// Command backflow-plugin-poster is the load test's integration as a plugin.
package main

import (
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/test/load/internal/poster"
)

func main() { sdk.Serve(&poster.Plugin{}) }
