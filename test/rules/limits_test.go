package rules

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/backflow/backflow/core/config"
)

const limitsPage = "../../docs/limits.md"

// boundNames are the names of constants that are bounds, and have to be on the page.
var boundNames = regexp.MustCompile(`^[mM]ax[A-Z]|[a-z](Timeout|Limit)$`)

func TestEveryBoundIsOnThePageAsItIsInTheCode(t *testing.T) {
	code := readConstants(t)
	rows := readLimits(t)
	for where, bound := range rows {
		wanted := spellings(t, code, where)
		if len(wanted) == 0 {
			t.Errorf("%s: there is no %s", limitsPage, where)
		} else if !slices.ContainsFunc(wanted, func(s string) bool { return holdsWord(bound, s) }) {
			t.Errorf("%s: %s is %s, and not %s", limitsPage, where, wanted[0], bound)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(code.declared)) {
		isBound := code.defaults[name] || boundNames.MatchString(name[strings.LastIndexByte(name, '.')+1:])
		if _, there := rows[name]; !there && isBound && code.value(name) != nil {
			t.Errorf("%s lacks %s, which is %s", limitsPage, name, strings.Join(spellings(t, code, name), " or "))
		}
	}
}

// constants are the constants of the module's packages, by directory and name, such
// as core/engine.MaxInput, and the defaults of options that are written out where
// they are set, such as core/gateway.Limits.MaxStreams.
type constants struct {
	declared map[string]ast.Expr
	defaults map[string]bool              // those of options
	imports  map[string]map[string]string // directories by their names in a directory's imports
	values   map[string]constant.Value
	times    map[string]bool // those that are durations
}

// readConstants reads the constants of the programs.
func readConstants(t *testing.T) *constants {
	t.Helper()
	c := &constants{map[string]ast.Expr{}, map[string]bool{}, map[string]map[string]string{}, map[string]constant.Value{}, map[string]bool{}}
	for _, top := range []string{"cmd", "core", "plugins", "sdk"} {
		err := filepath.WalkDir(filepath.Join("../..", top), func(file string, entry fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case entry.IsDir() && slices.Contains([]string{"testdata", "examples", "fixture", "wasmtest", "plugintest", "statetest", "assemblyscript"}, entry.Name()):
				return filepath.SkipDir
			case entry.IsDir() || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") || strings.HasSuffix(file, ".pb.go"):
				return nil
			}
			return c.add(file)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return c
}

func (c *constants) add(file string) error {
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	dir := strings.TrimPrefix(filepath.ToSlash(filepath.Dir(file)), "../../")
	if c.imports[dir] == nil {
		c.imports[dir] = map[string]string{}
	}
	for _, imported := range parsed.Imports {
		text, _ := strconv.Unquote(imported.Path.Value) // the parser has read it
		if inModule, ok := strings.CutPrefix(text, module+"/"); ok {
			c.imports[dir][path.Base(text)] = inModule
		}
	}
	for _, declaration := range parsed.Decls {
		if method, ok := declaration.(*ast.FuncDecl); ok && method.Name.Name == "withDefaults" && method.Recv != nil {
			c.addDefaults(dir, method)
		}
		group, ok := declaration.(*ast.GenDecl)
		if !ok || group.Tok != token.CONST {
			continue
		}
		for _, spec := range group.Specs {
			named := spec.(*ast.ValueSpec)
			for i, value := range named.Values {
				c.declared[dir+"."+named.Names[i].Name] = value
			}
		}
	}
	return nil
}

// addDefaults adds what a method withDefaults sets to something else than a constant
// of a name: by an assignment, or by setDefault(&l.Field, value).
func (c *constants) addDefaults(dir string, method *ast.FuncDecl) {
	of, ok := method.Recv.List[0].Type.(*ast.Ident)
	if !ok {
		return
	}
	add := func(field, value ast.Expr) {
		if address, ok := field.(*ast.UnaryExpr); ok {
			field = address.X
		}
		selected, ok := field.(*ast.SelectorExpr)
		elsewhere, named := value.(*ast.SelectorExpr)
		if named {
			from, _ := elsewhere.X.(*ast.Ident)
			named = from == nil || from.Name != "time"
		} else {
			_, named = value.(*ast.Ident)
		}
		if ok && !named {
			name := dir + "." + of.Name + "." + selected.Sel.Name
			c.declared[name], c.defaults[name] = value, true
		}
	}
	ast.Inspect(method.Body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			if len(n.Lhs) == 1 && len(n.Rhs) == 1 {
				add(n.Lhs[0], n.Rhs[0])
			}
		case *ast.CallExpr:
			if called, ok := n.Fun.(*ast.Ident); ok && called.Name == "setDefault" && len(n.Args) == 2 {
				add(n.Args[0], n.Args[1])
			}
		}
		return true
	})
}

// value evaluates a constant; nil if it is no number.
func (c *constants) value(name string) constant.Value {
	if v, known := c.values[name]; known {
		return v
	}
	expr, declared := c.declared[name]
	if !declared {
		return nil
	}
	c.values[name] = nil // against cycles
	dir := name[:strings.IndexByte(name, '.')]
	c.values[name] = c.eval(name, dir, expr)
	return c.values[name]
}

// eval evaluates an expression of the constant of a name. A duration is in
// nanoseconds.
func (c *constants) eval(name, dir string, expr ast.Expr) constant.Value {
	switch e := expr.(type) {
	case *ast.BasicLit:
		if e.Kind == token.INT {
			return constant.MakeFromLiteral(e.Value, e.Kind, 0)
		}
	case *ast.ParenExpr:
		return c.eval(name, dir, e.X)
	case *ast.Ident:
		return c.refer(name, dir+"."+e.Name)
	case *ast.SelectorExpr:
		from, ok := e.X.(*ast.Ident)
		if !ok {
			return nil
		}
		if unit, ok := units[e.Sel.Name]; ok && from.Name == "time" {
			c.times[name] = true
			return constant.MakeInt64(int64(unit))
		}
		return c.refer(name, c.imports[dir][from.Name]+"."+e.Sel.Name)
	case *ast.BinaryExpr:
		x, y := c.eval(name, dir, e.X), c.eval(name, dir, e.Y)
		switch {
		case x == nil || y == nil:
			return nil
		case e.Op == token.SHL:
			by, _ := constant.Uint64Val(y)
			return constant.Shift(x, token.SHL, uint(by))
		case e.Op == token.QUO:
			return constant.BinaryOp(x, token.QUO_ASSIGN, y)
		}
		return constant.BinaryOp(x, e.Op, y)
	}
	return nil
}

func (c *constants) refer(name, to string) constant.Value {
	v := c.value(to)
	c.times[name] = c.times[name] || c.times[to]
	return v
}

var units = map[string]time.Duration{
	"Nanosecond": time.Nanosecond, "Microsecond": time.Microsecond, "Millisecond": time.Millisecond,
	"Second": time.Second, "Minute": time.Minute, "Hour": time.Hour,
}

// spellings are the ways in which the page may write a bound, which is a constant or
// the default of a key of the config.
func spellings(t *testing.T, code *constants, where string) []string {
	t.Helper()
	if _, declared := code.declared[where]; !declared {
		return defaultOf(t, where)
	}
	v := code.value(where)
	if v == nil {
		return nil
	}
	n, exact := constant.Int64Val(v)
	if !exact {
		return nil
	}
	if code.times[where] {
		return durations(time.Duration(n))
	}
	return numbers(n)
}

// defaultOf are the spellings of the default of a key, such as server.maxBodyBytes.
func defaultOf(t *testing.T, key string) []string {
	t.Helper()
	type schema struct {
		Default    json.RawMessage    `json:"default"`
		Properties map[string]*schema `json:"properties"`
		Items      *schema            `json:"items"`
	}
	at := &schema{}
	if err := json.Unmarshal(config.Schema(), at); err != nil {
		t.Fatal(err)
	}
	for part := range strings.SplitSeq(key, ".") {
		name, inList := strings.CutSuffix(part, "[]")
		if at = at.Properties[name]; at != nil && inList {
			at = at.Items
		}
		if at == nil {
			return nil
		}
	}
	var text string
	if json.Unmarshal(at.Default, &text) == nil {
		if d, err := time.ParseDuration(text); err == nil {
			return durations(d)
		}
		return []string{text}
	}
	n, err := strconv.ParseInt(string(at.Default), 10, 64)
	if err != nil {
		return nil
	}
	return numbers(n)
}

// numbers are the ways to write a number, which may be one of bytes.
func numbers(n int64) []string {
	all := []string{grouped(n)}
	for i, unit := range []string{"KiB", "MiB", "GiB"} {
		if size := int64(1) << (10 * (i + 1)); n > 0 && n%size == 0 {
			all = append([]string{grouped(n/size) + " " + unit}, all...)
		}
	}
	return all
}

// grouped writes a number with commas between thousands.
func grouped(n int64) string {
	text := strconv.FormatInt(n, 10)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

func durations(d time.Duration) []string {
	var all []string
	for _, unit := range []struct {
		of   time.Duration
		name string
	}{{24 * time.Hour, "days"}, {time.Hour, "h"}, {time.Minute, "min"}, {time.Second, "s"}, {time.Millisecond, "ms"}} {
		if d > 0 && d%unit.of == 0 {
			all = append(all, fmt.Sprintf("%s %s", grouped(int64(d/unit.of)), unit.name))
		}
	}
	return all
}

// holdsWord reports whether a text holds another between characters of no number and
// no word.
func holdsWord(text, word string) bool {
	return regexp.MustCompile(`(^|[^\w.,])` + regexp.QuoteMeta(word) + `($|[^\w]|,\s)`).MatchString(text)
}

var whereSpan = regexp.MustCompile("`([^`]+)`")

// readLimits returns the bounds of the page by what sets them: each code span of the
// third column.
func readLimits(t *testing.T) map[string]string {
	t.Helper()
	page, err := os.ReadFile(limitsPage)
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]string{}
	for line := range strings.Lines(string(page)) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if !strings.HasPrefix(line, "|") || len(cells) != 4 {
			continue
		}
		for _, span := range whereSpan.FindAllStringSubmatch(cells[2], -1) {
			if before, twice := rows[span[1]]; twice {
				t.Errorf("%s: %s is there twice: %s and %s", limitsPage, span[1], before, cells[1])
			}
			rows[span[1]] = cells[1]
		}
	}
	if len(rows) == 0 {
		t.Fatalf("%s has no rows", limitsPage)
	}
	return rows
}
