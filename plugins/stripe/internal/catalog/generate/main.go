// Command generate writes what the catalog holds of the plugin's actions, derived
// from Stripe's OpenAPI description, into a directory. It is run by go generate.
package main

import (
	"flag"
	"log"
	"os"
	"path/filepath"

	"github.com/stripe/stripe-mock/embedded"

	"github.com/backflow/backflow/plugins/stripe/internal/catalog/derive"
)

func main() {
	dir := flag.String("dir", ".", "directory to write to")
	flag.Parse()
	files, err := derive.Files(embedded.OpenAPISpec)
	if err != nil {
		log.Fatal(err)
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(*dir, name), content, 0o644); err != nil {
			log.Fatal(err)
		}
	}
}
