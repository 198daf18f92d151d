package config

import (
	"os"
	"path/filepath"
)

// Load reads and checks the config at path. All faults are returned
// at once, as Faults.
//
// Together with Faults it returns the Config as far as it could be read, or nil
// where nothing could. Checks of workflows and credentials can then add their
// own faults. A Config that came with an error must not be run.
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
	c.Files, c.Patterns, c.secrets = d.files, d.patterns, d.secrets
	return c, d.err()
}
