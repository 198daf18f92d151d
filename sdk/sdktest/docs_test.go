package sdktest

import (
	"os"
	"strings"
	"testing"

	"github.com/backflow/backflow/sdk/internal/typedoc"
)

func TestCheckDocsFindsCommentsThatWereNotWrittenDown(t *testing.T) {
	t.Chdir(t.TempDir())
	source := "package p\n\n// Params are needed.\ntype Params struct {\n\tA int `json:\"a\"`\n}\n"
	if err := os.WriteFile("p.go", []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := failuresOf(t, CheckDocs); !strings.Contains(got, "run go generate") {
		t.Errorf("got %q", got)
	}
	generated, err := typedoc.Generate(".")
	if err != nil {
		t.Fatal(err)
	}
	if err := typedoc.Write(".", generated); err != nil {
		t.Fatal(err)
	}
	if got := failuresOf(t, CheckDocs); got != "" {
		t.Errorf("got %q", got)
	}
}
