// Command typedoc writes the doc comments of a package's structs into a Go file,
// so that they become the descriptions in the schemas of typed actions: the
// compiler does not keep comments. It is run by
//
//	//go:generate go run github.com/backflow/backflow/sdk/cmd/typedoc
//
// in the package of the structs, and writes typedoc.go there. sdktest.CheckDocs
// fails a test where that file is not what typedoc would write.
package main

import (
	"fmt"
	"os"

	"github.com/backflow/backflow/sdk/internal/typedoc"
)

func main() {
	if err := run("."); err != nil {
		fmt.Fprintln(os.Stderr, "typedoc:", err)
		os.Exit(1)
	}
}

func run(dir string) error {
	source, err := typedoc.Generate(dir)
	if err != nil {
		return err
	}
	return typedoc.Write(dir, source)
}
