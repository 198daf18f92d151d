// Package scaffold makes the projects of `backflow plugin new`: the files of a
// plugin that builds and passes its tests at once, from templates that are
// compiled in.
//
// The package imports core/plugin, core/workflow, sdk/assemblyscript and
// sdk/manifest. It runs nothing and fetches nothing.
package scaffold

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/backflow/backflow/core/plugin"
	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/sdk/manifest"
)

// Kind is what a plugin is written in and how it is run.
type Kind string

// The kinds of projects.
const (
	GoProcess      Kind = "go-process"
	GoWASM         Kind = "go-wasm"
	AssemblyScript Kind = "assemblyscript"
)

// Kinds are all kinds.
func Kinds() []string { return []string{string(GoProcess), string(GoWASM), string(AssemblyScript)} }

// Project is a project to be made.
type Project struct {
	// Name is the plugin's.
	Name string
	Kind Kind
	// Dir is the project's directory, which must not be there yet or be empty.
	Dir string
	// SDK is a checkout of Backflow to build against; empty for what is published.
	SDK string
	// Version is the published version of the Go SDK, such as "v1.2.0"; empty where
	// there is none, and then SDK is needed for Go.
	Version string
}

// published is what a version is that Go's module proxy can have: no state of a
// checkout, which git describe writes with a count and a hash.
var (
	published = regexp.MustCompile(`^v\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$`)
	described = regexp.MustCompile(`-\d+-g[0-9a-f]+$|-dirty$`)
)

// Published reports whether a version is one that can be fetched.
func Published(version string) bool {
	return published.MatchString(version) && !described.MatchString(version)
}

// Check returns everything that is wrong with what was asked for. Nothing is
// written.
func (p Project) Check() error {
	var faults []error
	if !manifest.ValidName(p.Name) {
		faults = append(faults, fmt.Errorf("the name %q: lower-case letters, digits and hyphens, starting with a letter, at most 63", p.Name))
	} else if slices.Contains(workflow.StepTypes(), p.Name) {
		faults = append(faults, fmt.Errorf("the name %q: an integration may not be named like a step type", p.Name))
	}
	switch {
	case !slices.Contains(Kinds(), string(p.Kind)):
		faults = append(faults, fmt.Errorf("--kind is one of %s, not %q", strings.Join(Kinds(), ", "), p.Kind))
	case p.SDK != "":
		if err := p.checkSDK(); err != nil {
			faults = append(faults, err)
		}
	case p.Kind != AssemblyScript && !Published(p.Version):
		faults = append(faults, errors.New("this build of backflow is of no published version: --sdk DIR names a checkout to build against"))
	}
	if err := p.checkDir(); err != nil {
		faults = append(faults, err)
	}
	return errors.Join(faults...)
}

// checkSDK makes sure that SDK is a checkout.
func (p Project) checkSDK() error {
	content, err := os.ReadFile(filepath.Join(p.SDK, "go.mod"))
	if err != nil {
		return fmt.Errorf("--sdk %s is no checkout of Backflow: %w", p.SDK, err)
	}
	if first, _, _ := strings.Cut(string(content), "\n"); first != "module "+module {
		return fmt.Errorf("--sdk %s is no checkout of Backflow: its go.mod begins with %q", p.SDK, first)
	}
	return nil
}

// checkDir makes sure that no files are there.
func (p Project) checkDir() error {
	entries, err := os.ReadDir(p.Dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("--dir: %w", err)
	case len(entries) > 0:
		return fmt.Errorf("--dir %s is not empty: --dir DIR names another directory", p.Dir)
	}
	return nil
}

// Artifact is what `make build` leaves, below the project's directory.
func (p Project) Artifact() string {
	if p.Kind == GoProcess {
		return "bin/" + plugin.FilePrefix + p.Name
	}
	return "bin/" + p.Name + plugin.FileSuffix
}

// Write makes the project, which Check has found nothing against. It is written
// beside its place and moved there when it is whole, so that nothing half done is
// left.
func (p Project) Write() (err error) {
	if p.Dir, err = filepath.Abs(p.Dir); err != nil {
		return err
	}
	if p.SDK != "" {
		if p.SDK, err = filepath.Abs(p.SDK); err != nil {
			return err
		}
	}
	parent := filepath.Dir(p.Dir)
	if err := os.MkdirAll(parent, 0o755); err != nil { //nolint:gosec // a directory of the user's, like any that mkdir makes
		return err
	}
	draft, err := os.MkdirTemp(parent, ".backflow-new-")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(draft))
		}
	}()
	files, err := p.files()
	if err != nil {
		return err
	}
	for name, content := range files {
		path := filepath.Join(draft, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil { //nolint:gosec // likewise
			return err
		}
		if err := os.WriteFile(path, content, 0o644); err != nil { //nolint:gosec // sources, for everybody who may see the directory
			return err
		}
	}
	// An empty directory of that name makes room; one that is not empty any more
	// does not.
	if err := os.Remove(p.Dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.Chmod(draft, 0o755); err != nil { //nolint:gosec // MkdirTemp's mode is for secrets
		return err
	}
	return os.Rename(draft, p.Dir)
}
