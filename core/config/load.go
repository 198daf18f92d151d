package config

import (
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Options says how a config is loaded. The zero Options are those of a gateway
// in production.
type Options struct {
	// LookupEnv finds environment variables; nil is os.LookupEnv.
	LookupEnv func(name string) (value string, set bool)
	// ReadFile reads config, workflow and secret files by their absolute path;
	// nil reads them from disk. Files that are too large are refused whatever it
	// answers.
	ReadFile func(path string) ([]byte, error)
	// AllowUnsetEnv accepts placeholders for variables that are not set and
	// files that do not exist, everywhere: for checking a config where its
	// secrets are not at hand. The Config must not be run.
	AllowUnsetEnv bool
	// Dev accepts variables that are not set in credentials and in the secrets
	// of webhooks: what needs them is left out, and Credential.Unset says so.
	Dev bool

	glob   func(pattern string) ([]string, error)
	exists func(path string) bool
}

func (o Options) withDefaults() Options {
	if o.LookupEnv == nil {
		o.LookupEnv = os.LookupEnv
	}
	if o.ReadFile == nil {
		o.ReadFile = readFile
	}
	if o.glob == nil {
		o.glob = filepath.Glob
	}
	if o.exists == nil {
		o.exists = func(path string) bool {
			info, err := os.Stat(path)
			return err == nil && !info.IsDir()
		}
	}
	return o
}

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

// Load reads and checks the config at path. What is wrong with it is answered
// as Faults, all at once.
//
// Together with Faults it answers the Config as far as it could be read, nil
// where nothing could: so that whoever checks workflows and credentials can add
// what is wrong with these. A Config that came with an error must not be run.
func Load(path string, o Options) (*Config, error) {
	workDir, err := os.Getwd()
	if err != nil {
		return nil, Faults{{Message: "cannot find the working directory: " + reason(err).Error()}}
	}
	return load(path, workDir, o.withDefaults())
}

func load(path, workDir string, o Options) (*Config, error) {
	d := &decoder{collector: &collector{}, options: o, workDir: workDir, named: path, known: make(map[string]bool)}
	abs := d.absolute(path)
	root := d.parseFile(abs, path, Pos{})
	if root == nil {
		return nil, d.err()
	}
	c := &Config{Path: path, BaseDir: filepath.Dir(abs), root: root}
	declaration().decode(value{d, root, ""}, c)
	for name, credential := range c.Credentials {
		credential.Name = name
		c.Credentials[name] = credential
	}
	c.Files, c.secrets = d.files, d.secrets
	return c, d.err()
}

// decoder is what all values of one config share while they are decoded.
type decoder struct {
	*collector
	options Options
	workDir string   // absolute
	named   string   // the config, as the user named it
	files   []string // read so far, absolute
	secrets []Secret // found so far, each once
	known   map[string]bool
}

// parseFile reads and parses one file. Where it cannot be read, the fault is at
// the place that names it.
func (d *decoder) parseFile(path, display string, from Pos) *Node {
	prefix := display + ": "
	if from == (Pos{}) {
		from, prefix = Pos{File: display}, ""
	}
	switch strings.ToLower(filepath.Ext(path)) {
	case ".yaml", ".yml":
		d.add(from, "write JSON; comments and trailing commas are fine", "%sYAML is not supported by this version", prefix)
		return nil
	}
	data, err := d.options.ReadFile(path)
	if err != nil {
		d.add(from, "", "%scannot be read: %v", prefix, reason(err))
		return nil
	}
	d.read(path)
	if len(data) > maxFileBytes {
		d.add(from, "", "%slarger than %d bytes", prefix, maxFileBytes)
		return nil
	}
	return parseJSON(d.collector, display, data)
}

// read notes a file that was read.
func (d *decoder) read(path string) {
	if !slices.Contains(d.files, path) {
		d.files = append(d.files, path)
	}
}

// remember notes a secret.
func (d *decoder) remember(secret string) {
	if secret != "" && !d.known[secret] {
		d.known[secret] = true
		d.secrets = append(d.secrets, NewSecret(secret))
	}
}

// absolute answers a path as it was named, absolute.
func (d *decoder) absolute(path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(d.workDir, path)
}

// baseDir answers the absolute directory of the file that the value is in.
func (v value) baseDir() string { return v.absolute(filepath.Dir(v.node.Pos.File)) }
