// Command generate writes the types of events that the API version has, as its
// description lists them, into a file. It is run by go generate.
package main

import (
	"flag"
	"log"
	"os"
	"strings"

	"github.com/stripe/stripe-mock/embedded"

	"github.com/backflow/backflow/plugins/stripe/internal/sample"
)

func main() {
	file := flag.String("file", "types.txt", "file to write to")
	flag.Parse()
	types, err := sample.TypesOf(embedded.OpenAPISpec)
	if err != nil {
		log.Fatal(err)
	}
	if err := os.WriteFile(*file, []byte(strings.Join(types, "\n")+"\n"), 0o600); err != nil {
		log.Fatal(err)
	}
}
