package plugin

import (
	"fmt"
	"strings"
)

// VerifyChecksum compares the SHA-256, as hex, of the bytes that a transport is
// about to run with the pin, if there is one.
func (s Spec) VerifyChecksum(actual string) error {
	if s.SHA256 == "" || strings.EqualFold(actual, s.SHA256) {
		return nil
	}
	return Permanent(fmt.Errorf("%s has another checksum than the config pins: expected sha256 %s, actual %s; "+
		`if you trust this file, put "sha256": %q into the plugin's entry`,
		s.Path, strings.ToLower(s.SHA256), strings.ToLower(actual), strings.ToLower(actual)))
}

// checkPinned refuses a plugin that must be pinned and is not.
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
