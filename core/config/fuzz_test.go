package config

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

// seeds adds every file of the golden archives.
func seeds(f *testing.F) {
	paths, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range paths {
		a, err := txtar.ParseFile(path)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range a.Files {
			f.Add(file.Data)
		}
	}
	data, err := os.ReadFile("../../configs/stripe.json")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	for _, text := range []string{
		seed, strings.Repeat("[", 1000), strings.Repeat(`{"a":`, 300), "/*/", "//", `"\`, "{}//\xff", "[]]", "]][[", "[1,]/**/\n",
		`{"credentials":{"a":{"x":"{{}}{{env.}}{{file:x}}{{file:/}}"}}}`, "\xef\xbb\xbf{}", "{\"a\":\"\u2028\"} // \u2028",
	} {
		f.Add([]byte(text))
	}
}

func FuzzParse(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		c := &collector{}
		n := parseJSON(c, "f.json", data)
		if n == nil {
			if len(c.faults) == 0 {
				t.Fatal("neither tree nor fault")
			}
			if c.faults[0].Message == "not valid JSON" {
				t.Fatalf("%q is not explained", data)
			}
			return
		}
		out := n.JSON()
		if !json.Valid(out) {
			t.Fatalf("not JSON: %s", out)
		}
		again := parseJSON(&collector{}, "f.json", out)
		if again == nil || string(again.JSON()) != string(out) {
			t.Fatalf("%s is not stable", out)
		}
		lines := strings.Count(string(data), "\n") + 1
		n.strings(func(s *Node) {
			if s.Pos.Line < 1 || s.Pos.Line > lines || s.Pos.Col < 1 || s.Pos.Col > len(data) {
				t.Fatalf("a string at %s", s.Pos)
			}
		})
	})
}

func FuzzLoad(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		const secret = "S3cr3t-v4lue"
		for _, change := range []Options{{}, {Dev: true}, {AllowUnsetEnv: true}} {
			o := archive(map[string]string{"config.json": string(data), "flow.json": `{"id":"flow"}`, "x": secret + "\n"},
				map[string]string{"X": secret})
			o.Dev, o.AllowUnsetEnv = change.Dev, change.AllowUnsetEnv
			c, err := load("config.json", "/etc/backflow", o)
			if err == nil && c == nil {
				t.Fatal("neither config nor fault")
			}
			if err != nil && strings.Contains(err.Error(), secret) && !strings.Contains(string(data), secret) {
				t.Fatalf("a fault holds a secret: %v", err)
			}
			if c == nil {
				continue
			}
			for name, credential := range c.Credentials {
				if !json.Valid(credential.Reveal()) {
					t.Fatalf("credential %s is not JSON", name)
				}
			}
			for _, d := range c.Workflows {
				if !json.Valid(d.Raw) || strings.Contains(string(d.Raw), secret) && !strings.Contains(string(data), secret) {
					t.Fatalf("definition is %s", d.Raw)
				}
			}
		}
	})
}
