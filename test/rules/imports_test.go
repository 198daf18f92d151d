package rules

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// source is a package as its files are written, whatever machine and build tags
// they are for. Tests are left out.
type source struct {
	path    string // below the module
	name    string
	comment string   // of the package, in one line
	imports []string // packages of the module, by path, sorted
}

// sources reads all packages below the directories of the module that users or
// programs are made of.
func sources(t *testing.T) []source {
	t.Helper()
	found := map[string]*source{}
	imports := map[string]map[string]bool{}
	for _, dir := range []string{"cmd", "core", "internal", "plugins", "sdk"} {
		err := filepath.WalkDir(filepath.Join("../..", dir), func(file string, entry fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case entry.IsDir() && (entry.Name() == "testdata" || entry.Name() == "node_modules"):
				return filepath.SkipDir
			case entry.IsDir() || filepath.Ext(file) != ".go" || strings.HasSuffix(file, "_test.go"):
				return nil
			}
			parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly|parser.ParseComments)
			if err != nil {
				return err
			}
			at := filepath.ToSlash(strings.TrimPrefix(filepath.Dir(file), filepath.Clean("../..")+string(filepath.Separator)))
			if found[at] == nil {
				found[at], imports[at] = &source{path: at, name: parsed.Name.Name}, map[string]bool{}
			}
			if parsed.Doc != nil && !ast.IsGenerated(parsed) {
				found[at].comment += " " + strings.Join(strings.Fields(parsed.Doc.Text()), " ")
			}
			for _, one := range parsed.Imports {
				name, err := strconv.Unquote(one.Path.Value)
				if err != nil {
					return err
				}
				if own, ok := strings.CutPrefix(name, module+"/"); ok {
					imports[at][own] = true
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	all := make([]source, 0, len(found))
	for _, at := range slices.Sorted(maps.Keys(found)) {
		one := found[at]
		one.imports = slices.Sorted(maps.Keys(imports[at]))
		all = append(all, *one)
	}
	return all
}

// importSentence is how a package comment says what the package imports of the
// module, see CONTRIBUTING.md.
var importSentence = regexp.MustCompile(`The package imports (nothing of the project|[\w/, -]+)\.`)

// sentence is the import sentence of a package.
func (s source) sentence() string {
	switch n := len(s.imports); n {
	case 0:
		return "The package imports nothing of the project."
	case 1:
		return fmt.Sprintf("The package imports %s.", s.imports[0])
	default:
		return fmt.Sprintf("The package imports %s and %s.", strings.Join(s.imports[:n-1], ", "), s.imports[n-1])
	}
}

// TestPackageCommentsSayWhatIsImported: the sentence is read in review, where a new
// arrow between packages is seen. Programs and generated code have none.
func TestPackageCommentsSayWhatIsImported(t *testing.T) {
	checked := 0
	for _, s := range sources(t) {
		if s.name == "main" || within(s.path, "sdk/proto") {
			continue
		}
		checked++
		said := importSentence.FindAllString(s.comment, -1)
		switch want := s.sentence(); {
		case len(said) == 0:
			t.Errorf("the comment of package %s does not say what it imports. It should say:\n%s", s.path, want)
		case len(said) > 1:
			t.Errorf("the comment of package %s says twice what it imports", s.path)
		case said[0] != want:
			t.Errorf("the comment of package %s says: %s\nIt should say:\n%s", s.path, said[0], want)
		}
	}
	if checked < 30 {
		t.Errorf("only %d packages were found", checked)
	}
}

// TestRequestsKnowNoStore: what a request or a webhook leaves behind is stored by
// core/engine, core/event and core/idempotency, which say in which write it is done.
func TestRequestsKnowNoStore(t *testing.T) {
	checked := 0
	for _, s := range sources(t) {
		if s.path != "core/gateway" && s.path != "core/webhook" {
			continue
		}
		checked++
		for _, imported := range s.imports {
			if within(imported, "core/state") {
				t.Errorf("%s imports %s", s.path, imported)
			}
		}
	}
	if checked != 2 {
		t.Errorf("%d of 2 packages were found", checked)
	}
}
