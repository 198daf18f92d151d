package scaffold

import (
	"bytes"
	"embed"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"strings"
	"text/template"

	"github.com/backflow/backflow/sdk/assemblyscript"
)

// module is the SDK's module.
const module = "github.com/backflow/backflow"

// templates are the files of projects, named as they are there but for
// templateSuffix and a dot at the beginning.
//
//go:embed templates
var templates embed.FS

const templateSuffix = ".tmpl"

// kitDir is where a project has its own copy of the AssemblyScript kit.
const kitDir = "kit"

// values are what templates know.
type values struct {
	Project
	Module  string
	Replace string // the checkout, as the project's files name it
	Kit     string // where the AssemblyScript kit is, relative to the project
}

// files returns the files of the project, by their paths.
func (p Project) files() (map[string][]byte, error) {
	v := values{Project: p, Module: module, Replace: filepath.ToSlash(p.SDK)}
	files := make(map[string][]byte)
	root := "templates/go"
	if p.Kind == AssemblyScript {
		root = "templates/assemblyscript"
		if p.SDK == "" {
			v.Kit = kitDir
			if err := copyKit(files); err != nil {
				return nil, err
			}
		} else if kit, err := filepath.Rel(p.Dir, filepath.Join(p.SDK, "sdk", "assemblyscript")); err != nil {
			return nil, err
		} else {
			v.Kit = filepath.ToSlash(kit)
		}
	}
	return files, fs.WalkDir(templates, root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		source, err := templates.ReadFile(name)
		if err != nil {
			return err
		}
		// Makefiles, Go and JSON have braces of their own.
		t, err := template.New(name).Delims("[[", "]]").Option("missingkey=error").Parse(string(source))
		if err != nil {
			return fmt.Errorf("template %s: %w", name, err)
		}
		var content bytes.Buffer
		if err := t.Execute(&content, v); err != nil {
			return fmt.Errorf("template %s: %w", name, err)
		}
		files[placeOf(strings.TrimPrefix(name, root+"/"))] = content.Bytes()
		return nil
	})
}

// placeOf returns where a template's file belongs. Go embeds neither what begins
// with a dot nor modules, and would compile and test what looks like Go.
func placeOf(name string) string {
	name = strings.TrimSuffix(name, templateSuffix)
	if path.Base(name) == "gitignore" {
		return path.Join(path.Dir(name), ".gitignore")
	}
	return name
}

// copyKit puts the kit that this program was built with into the project.
func copyKit(files map[string][]byte) error {
	return fs.WalkDir(assemblyscript.Kit, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := assemblyscript.Kit.ReadFile(name)
		files[path.Join(kitDir, name)] = content
		return err
	})
}
