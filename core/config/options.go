package config

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/backflow/backflow/sdk/litter"
)

// Options says how a config is loaded. The zero Options are those of a gateway
// in production.
type Options struct {
	// LookupEnv finds environment variables; nil is os.LookupEnv.
	LookupEnv func(name string) (value string, set bool)
	// ReadFile reads config, workflow and secret files by their absolute path;
	// nil reads them from disk. Files that are too large are refused whatever it
	// returns.
	ReadFile func(path string) ([]byte, error)
	// AllowUnsetEnv accepts placeholders for variables that are not set and
	// files that do not exist, everywhere: for checking a config where its
	// secrets are not at hand. The Config must not be run.
	AllowUnsetEnv bool
	// Dev accepts variables that are not set in credentials and in the secrets
	// of webhooks: what needs them is left out, and Credential.Unset says so.
	Dev bool

	glob        func(pattern string) ([]string, error)
	exists      func(path string) bool // as a file
	isDirectory func(path string) bool
}

func (o Options) withDefaults() Options {
	if o.LookupEnv == nil {
		o.LookupEnv = os.LookupEnv
	}
	if o.ReadFile == nil {
		o.ReadFile = readFile
	}
	if o.glob == nil {
		o.glob = Glob
	}
	if o.exists == nil {
		o.exists = func(path string) bool {
			info, err := os.Stat(path)
			return err == nil && !info.IsDir()
		}
	}
	if o.isDirectory == nil {
		o.isDirectory = func(path string) bool {
			info, err := os.Stat(path)
			return err == nil && info.IsDir()
		}
	}
	return o
}

// Glob returns the files that a pattern of path/filepath matches, in the order of
// their names, without what editors and file managers leave beside them: see
// package sdk/litter. Errors are those of the pattern.
func Glob(pattern string) ([]string, error) {
	paths, err := filepath.Glob(pattern)
	return slices.DeleteFunc(paths, func(path string) bool { return litter.Matches(pattern, path) }), err
}

// maxFileBytes bounds a config or workflow file.
const maxFileBytes = 4 << 20

// readFile reads a file up to just above the limit of the largest that is accepted.
func readFile(path string) (data []byte, err error) {
	f, err := os.Open(path) // #nosec G304 -- the operator names the file
	if err != nil {
		return nil, err
	}
	// The file was only read.
	defer func() { _ = f.Close() }()
	return io.ReadAll(io.LimitReader(f, maxFileBytes+1))
}

// reason returns the error without the operation and the path around it.
func reason(err error) error {
	var pathError *fs.PathError
	if errors.As(err, &pathError) {
		return pathError.Err
	}
	return err
}
