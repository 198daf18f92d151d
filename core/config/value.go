package config

import (
	"fmt"
	"path/filepath"
	"strconv"
)

// value is a node that is being decoded, with the state of the load and its path.
type value struct {
	*decoder
	node *Node
	path string // for messages, such as webhooks[0].path; "" is the whole file
}

// fault reports a fault of the value.
func (v value) fault(hint, format string, args ...any) {
	v.add(v.node.Pos, hint, "%s%s", v.prefix(), fmt.Sprintf(format, args...))
}

// prefix returns the beginning of a message about the value.
func (v value) prefix() string {
	if v.path == "" {
		return ""
	}
	return v.path + ": "
}

// expect reports whether the value has the kind, and reports a fault otherwise.
func (v value) expect(kind Kind, expected string) bool {
	if v.node.Kind == kind {
		return true
	}
	hint := ""
	if v.node.Kind == Null {
		hint = "leave the key out instead"
	}
	v.fault(hint, "expected %s, found %s", expected, v.node.Kind)
	return false
}

// at returns the value of one key of an object.
func (v value) at(key string, node *Node) value {
	if v.path != "" {
		key = v.path + "." + key
	}
	return value{v.decoder, node, key}
}

// index returns the i-th element of an array.
func (v value) index(i int) value {
	return value{v.decoder, v.node.Elements[i], v.path + "[" + strconv.Itoa(i) + "]"}
}

// unique reports a fault if an earlier call with the same first had the same
// string.
func (v value) unique(first map[string]Pos, message string) {
	if earlier, dup := first[v.node.Text]; dup {
		v.fault("the first is at "+earlier.String(), "%s", message)
		return
	}
	first[v.node.Text] = v.node.Pos
}

// baseDir returns the absolute directory of the file that the value is in.
func (v value) baseDir() string { return v.absolute(filepath.Dir(v.node.Pos.File)) }

// resolve returns the absolute form of a path, which is relative to the file that
// the value is in.
func (v value) resolve(path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(v.baseDir(), path)
}

// display returns the path of a file as messages show it: relative where the
// config itself was named by a relative path.
func (v value) display(path string) string {
	if filepath.IsAbs(v.named) {
		return path
	}
	if relative, err := filepath.Rel(v.workDir, path); err == nil {
		return relative
	}
	return path
}
