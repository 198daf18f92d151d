package sdktest

import (
	"testing"

	"github.com/backflow/backflow/sdk/internal/typedoc"
)

// CheckDocs fails a test of a package whose typedoc.go is not what its doc
// comments say: `go generate` writes it anew, by sdk/cmd/typedoc.
func CheckDocs(t testing.TB) {
	t.Helper()
	if err := typedoc.Fresh("."); err != nil {
		t.Error(err)
	}
}
