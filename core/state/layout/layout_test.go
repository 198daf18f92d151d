package layout

import (
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write testdata/names.txt")

// TestNamesAreThoseOfTheStoredFormat holds the names against a list of their own:
// a name that changes leaves behind what is stored under it.
func TestNamesAreThoseOfTheStoredFormat(t *testing.T) {
	t.Parallel()
	const golden = "testdata/names.txt"
	got := strings.Join(names(t), "\n") + "\n"
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("names (-want +got), run with -update if one was added:\n%s", diff)
	}
}

// names returns the constants as "bucket NAME", "set NAME" and "queue NAME", in the
// order of the file. Each must say what it holds and be the only one of its name.
func names(t *testing.T) []string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "layout.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		constant := spec.Names[0].Name
		value, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		if err != nil || value == "" || strings.Contains(value, "/") {
			t.Errorf("%s is %s: a name is not empty and has no slash", constant, value)
		}
		if spec.Doc == nil {
			t.Errorf("%s does not say what it holds", constant)
		}
		for _, kind := range []string{"Bucket", "Set", "Queue"} {
			if strings.HasPrefix(constant, kind) {
				name := strings.ToLower(kind) + " " + value
				if slices.Contains(names, name) {
					t.Errorf("%s is a second %s", constant, name)
				}
				names = append(names, name)
				return true
			}
		}
		t.Errorf("%s is neither a bucket nor a set nor a queue", constant)
		return true
	})
	return names
}
