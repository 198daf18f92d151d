package config

import (
	"path/filepath"
	"slices"
	"strings"
)

// decoder is what all values of one config share while they are decoded.
type decoder struct {
	*collector
	options Options
	workDir string   // absolute
	named   string   // the config, as the user named it
	files   []string // read so far, absolute
	// patterns are the globs so far, absolute.
	patterns []string
	secrets  []Secret // found so far, each once
	known    map[string]bool
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

// absolute returns a path as it was named, absolute.
func (d *decoder) absolute(path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(d.workDir, path)
}
