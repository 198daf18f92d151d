// Package litter knows the files that editors, file managers and copying leave
// beside the ones that are meant. The package imports nothing of the project.
//
// Where a folder or a pattern stands for "every file here", such a file is not one
// of them: a half-written copy of a workflow is no workflow.
package litter

import (
	"path/filepath"
	"strings"
)

// endings are those of copies, of swap files and of files that are still written.
var endings = []string{
	"~",                     // Emacs, nano, gedit and others
	".bak", ".orig", ".rej", // copies, merges, patches
	".swp", ".swo", ".swn", ".swx", // Vim
	".tmp", ".temp", ".part", ".partial", ".crdownload", // still written
	"___jb_tmp___", "___jb_old___", // JetBrains
}

// Is reports whether a file is litter, by its name without a directory: a hidden
// one (Vim's ".x.swp", Emacs's ".#x", the "._x" of macOS, ".DS_Store"), Emacs's
// "#x#", Vim's "4913", or a copy such as "x~", "x.bak" and "x.json.swp".
func Is(name string) bool {
	if strings.HasPrefix(name, ".") || name == "4913" || len(name) > 1 && strings.HasPrefix(name, "#") && strings.HasSuffix(name, "#") {
		return true
	}
	lower := strings.ToLower(name)
	for _, ending := range endings {
		if strings.HasSuffix(lower, ending) {
			return true
		}
	}
	return false
}

// Matches reports whether a path that a pattern of path/filepath has matched is
// litter: where one of its elements is, that a wildcard stands for. As in a shell,
// an element of a pattern that begins with a dot means hidden files.
func Matches(pattern, path string) bool {
	wanted, found := strings.Split(filepath.ToSlash(pattern), "/"), strings.Split(filepath.ToSlash(path), "/")
	for i := range min(len(wanted), len(found)) {
		switch w, f := wanted[len(wanted)-1-i], found[len(found)-1-i]; {
		case !strings.ContainsAny(w, `*?[`):
		case strings.HasPrefix(w, ".") && !strings.HasPrefix(f, "._") && !strings.HasPrefix(f, ".#"):
			if Is(strings.TrimLeft(f, ".")) {
				return true
			}
		case Is(f):
			return true
		}
	}
	return false
}
