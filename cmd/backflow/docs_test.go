package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/backflow/backflow/internal/testkit"
)

// TestThePageOfTheCommandLineHasEveryCommandAndFlag and no command that is not
// there.
func TestThePageOfTheCommandLineHasEveryCommandAndFlag(t *testing.T) {
	data, err := os.ReadFile(filepath.Join(testkit.Root(), "docs", "cli.md"))
	if err != nil {
		t.Fatal(err)
	}
	page := string(data)
	commands := map[string]bool{}
	var walk func(cmd *cobra.Command)
	walk = func(cmd *cobra.Command) {
		for _, sub := range cmd.Commands() {
			walk(sub)
		}
		if cmd.Hidden || cmd.HasSubCommands() {
			return
		}
		path := cmd.CommandPath()
		commands[path] = true
		if !strings.Contains(page, "`"+path+" ") && !strings.Contains(page, "`"+path+"`") {
			t.Errorf("%s is not in the table", path)
		}
		cmd.LocalFlags().VisitAll(func(flag *pflag.Flag) {
			if !flag.Hidden && !strings.Contains(page, "--"+flag.Name) && !strings.Contains(page, "`-"+flag.Shorthand+"`") {
				t.Errorf("%s: --%s is not on the page", path, flag.Name)
			}
		})
	}
	walk((&program{}).root())
	for line := range strings.Lines(page) {
		name, isRow := strings.CutPrefix(line, "| `backflow ")
		if !isRow {
			continue
		}
		name = "backflow " + name
		known := false
		for path := range commands {
			known = known || strings.HasPrefix(name, path+" ") || strings.HasPrefix(name, path+"`")
		}
		if !known && !strings.HasPrefix(name, "backflow completion ") {
			t.Errorf("there is no such command: %s", line)
		}
	}
}
