package main

import (
	"slices"
	"strings"
	"testing"
)

func TestACommandLineMayBeAboutAnIntegration(t *testing.T) {
	for _, c := range []struct {
		args        []string
		integration string
		command     string
	}{
		{[]string{"stripe", "permissions", "-c", "f"}, "stripe", "backflow stripe permissions"},
		{[]string{"my-shop", "permissions"}, "my-shop", "backflow my-shop permissions"},
		{[]string{"help", "stripe", "permissions"}, "stripe", ""},
		{[]string{"help", "stripe"}, "stripe", ""},
		{[]string{"stripe", "--help"}, "stripe", "backflow stripe"},
		{[]string{"stripe", "permission"}, "stripe", "backflow stripe"},
		{[]string{"__complete", "stripe", "permissions", ""}, "stripe", ""},
		{[]string{"INTEGRATION", "permissions"}, "", "backflow INTEGRATION permissions"},
		{[]string{"stripe"}, "", "backflow"},
		{[]string{"stripe", "listen"}, "", "backflow"},
		{[]string{"sandbo", "--help"}, "", "backflow"},
		{[]string{"help", "permissions"}, "", ""},
		{[]string{"plugin", "list"}, "", "backflow plugin list"},
		{[]string{"plugin", "permissions"}, "", "backflow plugin"},
		{[]string{"--version"}, "", "backflow"},
		{nil, "", "backflow"},
	} {
		p := &program{}
		root := p.root()
		p.nameIntegration(root, slices.Clone(c.args))
		if p.integration != c.integration {
			t.Errorf("%q is about %q", c.args, p.integration)
		}
		if c.command == "" {
			continue // one that cobra adds
		}
		if found, _, _ := root.Find(c.args); found.CommandPath() != c.command {
			t.Errorf("%q is %q, want %q", c.args, found.CommandPath(), c.command)
		}
	}
}

func TestAMisspeltCommandIsSuggestedAndNotItsFlags(t *testing.T) {
	for line, want := range map[string]string{
		"stripe permission -c f":        `there is no command "backflow stripe permission" (did you mean "backflow stripe permissions"?)`,
		"sandbox statu --integration x": `there is no command "backflow sandbox statu" (did you mean "backflow sandbox status"?)`,
		"validat -c f":                  `there is no command "backflow validat" (did you mean "backflow validate"?)`,
		"stripe listen -c f":            `there is no command "backflow stripe"`,
		"sandbox --integration x":       `unknown flag: --integration`,
	} {
		if code, _, errs := command(t, nil, strings.Fields(line)...); code != exitUsage || !strings.Contains(errs, want) {
			t.Errorf("%s: exit code %d, %s", line, code, errs)
		}
	}
	for _, line := range []string{"stripe --help", "help stripe"} {
		if code, out, _ := command(t, nil, strings.Fields(line)...); code != exitOK || !strings.Contains(out, "backflow stripe [command]") || !strings.Contains(out, "permissions") {
			t.Errorf("%s: exit code %d, %s", line, code, out)
		}
	}
}
