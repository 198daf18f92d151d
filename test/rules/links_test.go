package rules

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	fence   = regexp.MustCompile("(?ms)^[ \t]*```.*?^[ \t]*```[ \t]*$")
	code    = regexp.MustCompile("`[^`\n]*`")
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ +(.+?) *$`)
	slugged = regexp.MustCompile(`[^\p{L}\p{N}_ -]`)
	target  = regexp.MustCompile(`\[([^\]]*)\]\([^)]*\)`)
)

func TestLinksLeadSomewhere(t *testing.T) {
	checked := 0
	err := filepath.WalkDir("../..", func(path string, entry os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if name := entry.Name(); entry.IsDir() && (name == "node_modules" || name == "testdata" || name == "bin" || name == ".git" || name == ".backflow") {
			return filepath.SkipDir
		}
		if filepath.Ext(path) != ".md" {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, found := range link.FindAllStringSubmatch(code.ReplaceAllString(fence.ReplaceAllString(string(text), ""), ""), -1) {
			if strings.Contains(found[1], "://") || strings.HasPrefix(found[1], "mailto:") {
				continue
			}
			checked++
			if err := leads(path, found[1]); err != nil {
				t.Errorf("%s: %v", strings.TrimPrefix(path, "../../"), err)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if checked == 0 {
		t.Error("no link was found")
	}
}

// leads says why a link of a page leads nowhere.
func leads(page, to string) error {
	file, anchor, _ := strings.Cut(to, "#")
	path := page
	if file != "" {
		path = filepath.Join(filepath.Dir(page), file)
	}
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("(%s) leads nowhere", to)
	}
	if anchor == "" || info.IsDir() || filepath.Ext(path) != ".md" {
		return nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var anchors []string
	for _, found := range heading.FindAllStringSubmatch(fence.ReplaceAllString(string(text), ""), -1) {
		anchors = append(anchors, anchorOf(found[1]))
	}
	if !slices.Contains(anchors, anchor) {
		return fmt.Errorf("(%s): there is no such heading", to)
	}
	return nil
}

// anchorOf is what a heading is linked by, as GitHub makes it.
func anchorOf(heading string) string {
	plain := target.ReplaceAllString(heading, "$1")
	return strings.ReplaceAll(slugged.ReplaceAllString(strings.ToLower(plain), ""), " ", "-")
}
