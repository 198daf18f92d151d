// Command generate writes the schemas of the plugin's params, derived from
// Stripe's OpenAPI description, into a directory. It is run by go generate.
package main

import (
	"flag"
	"log"
	"os"
	"path/filepath"

	"github.com/stripe/stripe-mock/embedded"

	"github.com/backflow/backflow/plugins/stripe/internal/schema/derive"
)

func main() {
	dir := flag.String("dir", "params", "directory to write to")
	flag.Parse()
	schemas, err := derive.Params(embedded.OpenAPISpec)
	if err != nil {
		log.Fatal(err)
	}
	for action, schema := range schemas {
		if err := os.WriteFile(filepath.Join(*dir, action+".json"), schema, 0o644); err != nil {
			log.Fatal(err)
		}
	}
}
