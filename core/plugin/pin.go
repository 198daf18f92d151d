package plugin

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// VerifyChecksum compares the SHA-256 of the bytes that a transport is about to run,
// as hex, with the pin, if there is one.
func (s Spec) VerifyChecksum(actual string) error {
	if s.SHA256 == "" || strings.EqualFold(actual, s.SHA256) {
		return nil
	}
	return Permanent(fmt.Errorf("%s has another checksum than the config pins: expected sha256 %s, actual %s; "+
		`if you trust this file, put "sha256": %q into the plugin's entry`,
		s.Path, strings.ToLower(s.SHA256), strings.ToLower(actual), strings.ToLower(actual)))
}

// checkPinned refuses a plugin that had to be pinned and is not.
func (s Spec) checkPinned() error {
	if s.SHA256 != "" || !s.RequirePinned {
		return nil
	}
	sum, err := Checksum(s.Path)
	if err != nil {
		return err
	}
	return Permanent(fmt.Errorf("the config requires that plugins are pinned (requirePinned), and this one is not; "+
		"if you trust %s, have under plugins: %s", s.Path, pinLine(s.Name, sum)))
}

// pinLine is what to paste under "plugins" to pin a plugin.
func pinLine(name, sum string) string {
	return fmt.Sprintf(`{ "name": %q, "sha256": %q }`, name, sum)
}

// Checksum answers the SHA-256 of a file as hex, as Spec.SHA256 has it.
func Checksum(path string) (string, error) {
	file, err := Open(path)
	if err != nil {
		return "", fmt.Errorf("checksum: %w", err)
	}
	sum := sha256.New()
	_, err = io.Copy(sum, file)
	if err := errors.Join(err, file.Close()); err != nil {
		return "", fmt.Errorf("checksum of %s: %w", path, err)
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// fileState is how a file looks from outside: what differs may be another file.
type fileState struct {
	info os.FileInfo // nil where there is no file
}

// look answers the state of the file at path, that of a link's target.
func look(path string) fileState {
	info, err := os.Stat(path)
	if err != nil {
		return fileState{}
	}
	return fileState{info}
}

// there reports whether there was a file.
func (s fileState) there() bool { return s.info != nil }

// same reports whether nothing has changed between two looks.
func (s fileState) same(other fileState) bool {
	if s.info == nil || other.info == nil {
		return s.info == other.info
	}
	return os.SameFile(s.info, other.info) && s.info.Size() == other.info.Size() && s.info.ModTime().Equal(other.info.ModTime())
}
