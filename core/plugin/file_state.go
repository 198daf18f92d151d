package plugin

import "os"

// fileState is what the file system says of a file. Two states that differ may be
// of different files.
type fileState struct {
	info os.FileInfo // nil if there is no file
}

// statFile returns the state of the file at path. It follows links.
func statFile(path string) fileState {
	info, err := os.Stat(path)
	if err != nil {
		return fileState{}
	}
	return fileState{info}
}

func (s fileState) exists() bool { return s.info != nil }

// equal reports whether nothing has changed between two states.
func (s fileState) equal(other fileState) bool {
	if s.info == nil || other.info == nil {
		return s.info == other.info
	}
	return os.SameFile(s.info, other.info) && s.info.Size() == other.info.Size() &&
		s.info.Mode() == other.info.Mode() && s.info.ModTime().Equal(other.info.ModTime())
}
