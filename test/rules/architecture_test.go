package rules

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the picture of docs/architecture.md anew")

const (
	architecture = "../../docs/architecture.md"
	pictureBegin = "<!-- made from the imports by make docs -->\n"
	pictureEnd   = "<!-- end of what make docs makes -->\n"
)

// TestThePictureShowsTheImports: -update writes it.
func TestThePictureShowsTheImports(t *testing.T) {
	page, err := os.ReadFile(architecture)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(page), pictureBegin)
	shown, after, ended := strings.Cut(rest, pictureEnd)
	if !found || !ended {
		t.Fatal("docs/architecture.md has no place for the picture")
	}
	want := picture(arrows(t))
	if *update {
		if err := os.WriteFile(architecture, []byte(before+pictureBegin+want+pictureEnd+after), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if shown != want {
		t.Errorf("docs/architecture.md shows other imports than there are: run make docs. It should show:\n%s", want)
	}
}

// picture draws components and what they import. An arrow that follows from others
// is left out.
func picture(arrows map[string][]string) string {
	id := func(component string) string { return strings.NewReplacer("/", "_").Replace(component) }
	reached := reach(arrows)
	var b strings.Builder
	b.WriteString("```mermaid\nflowchart TD\n")
	for i, l := range slices.Backward(layers) {
		fmt.Fprintf(&b, "  subgraph layer%d [%s]\n", i, l.name)
		for _, p := range l.packages {
			fmt.Fprintf(&b, "    %s[%s]\n", id(p), p)
		}
		b.WriteString("  end\n")
	}
	for _, l := range slices.Backward(layers) {
		for _, from := range l.packages {
			direct := slices.DeleteFunc(slices.Sorted(slices.Values(arrows[from])), func(to string) bool {
				return slices.ContainsFunc(arrows[from], func(other string) bool { return slices.Contains(reached[other], to) })
			})
			for _, to := range direct {
				fmt.Fprintf(&b, "  %s --> %s\n", id(from), id(to))
			}
		}
	}
	b.WriteString("```\n")
	return b.String()
}

var (
	codeSpan = regexp.MustCompile("`([^`\n]+)`")
	goFile   = regexp.MustCompile(`^[a-z]\w*(/[\w.-]+)*/[a-z0-9_]+\.go$`)
	journey  = regexp.MustCompile("(?m)^\\| [^|]+ \\| `([^`|]+\\.go)` \\| (.+) \\|$")
)

// TestTheArchitectureNamesWhatThereIs: each file that the page names exists, and
// each function that a journey names is declared in the file of its row.
func TestTheArchitectureNamesWhatThereIs(t *testing.T) {
	page, err := os.ReadFile(architecture)
	if err != nil {
		t.Fatal(err)
	}
	text := fence.ReplaceAllString(string(page), "")
	for _, found := range codeSpan.FindAllStringSubmatch(text, -1) {
		if !goFile.MatchString(found[1]) {
			continue
		}
		if _, err := os.Stat(filepath.Join("../..", found[1])); err != nil {
			t.Errorf("there is no %s", found[1])
		}
	}
	rows := journey.FindAllStringSubmatch(text, -1)
	for _, row := range rows {
		declared := declarations(t, filepath.Join("../..", row[1]))
		for _, name := range codeSpan.FindAllStringSubmatch(row[2], -1) {
			if !slices.Contains(declared, name[1]) {
				t.Errorf("%s declares no %s, but %s", row[1], name[1], strings.Join(declared, ", "))
			}
		}
	}
	if len(rows) < 15 {
		t.Errorf("only %d rows of journeys were found", len(rows))
	}
}

// declarations are the names that a file declares: of a method as Type.Method.
func declarations(t *testing.T, file string) []string {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Error(err)
		return nil
	}
	var names []string
	for _, decl := range parsed.Decls {
		switch d := decl.(type) {
		case *ast.FuncDecl:
			name := d.Name.Name
			if d.Recv != nil {
				receiver := d.Recv.List[0].Type
				if star, ok := receiver.(*ast.StarExpr); ok {
					receiver = star.X
				}
				if typ, ok := receiver.(*ast.Ident); ok {
					name = typ.Name + "." + name
				}
			}
			names = append(names, name)
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				switch s := spec.(type) {
				case *ast.TypeSpec:
					names = append(names, s.Name.Name)
				case *ast.ValueSpec:
					for _, name := range s.Names {
						names = append(names, name.Name)
					}
				}
			}
		}
	}
	return names
}
