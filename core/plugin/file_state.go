package plugin

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"

	"github.com/backflow/backflow/sdk/litter"
)

// fileState is what the file system says of a plugin's file, and of what is in the
// folders that its credentials name. Two states that differ may be of different
// files.
type fileState struct {
	info    os.FileInfo // nil if there is no file
	folders folderSum
}

// folderSum stands for the names, sizes and times of the files in some folders; zero
// for no folder.
type folderSum [sha256.Size]byte

// statFile returns the state of the file at path, without folders. It follows links.
func statFile(path string) fileState {
	info, err := os.Stat(path)
	if err != nil {
		return fileState{}
	}
	return fileState{info: info}
}

// sumFolders returns what is in some folders, without what editors leave there.
func sumFolders(folders []string) (sum folderSum) {
	if len(folders) == 0 {
		return sum
	}
	h := sha256.New()
	for _, folder := range folders {
		entries, err := os.ReadDir(folder)
		fmt.Fprintf(h, "%q %t\n", folder, err == nil)
		for _, entry := range entries {
			if litter.Is(entry.Name()) {
				continue
			}
			// Stat and not entry.Info: a link to a file stands for the file.
			if info, err := os.Stat(filepath.Join(folder, entry.Name())); err == nil && info.Mode().IsRegular() {
				fmt.Fprintf(h, "%q %d %d\n", entry.Name(), info.Size(), info.ModTime().UnixNano())
			}
		}
	}
	return folderSum(h.Sum(nil))
}

func (s fileState) exists() bool { return s.info != nil }

// equal reports whether nothing has changed between two states.
func (s fileState) equal(other fileState) bool {
	return s.sameFile(other) && s.folders == other.folders
}

// sameFile reports whether nothing has changed of the file itself.
func (s fileState) sameFile(other fileState) bool {
	if s.info == nil || other.info == nil {
		return s.info == other.info
	}
	return os.SameFile(s.info, other.info) && s.info.Size() == other.info.Size() &&
		s.info.Mode() == other.info.Mode() && s.info.ModTime().Equal(other.info.ModTime())
}
