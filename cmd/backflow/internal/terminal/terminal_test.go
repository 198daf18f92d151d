package terminal

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"github.com/backflow/backflow/core/visible"
)

func TestAGuardedWriterLetsNothingThroughThatATerminalObeys(t *testing.T) {
	const text = "a\x1b[2Jb \u202egpj.exe\r\n漢\tü\u2028\x9b31m"
	const want = "a\\u001b[2Jb \\u202egpj.exe\\u000d\n漢\tü\\u2028\ufffd31m"
	for cut := range len(text) { // also in the middle of a character
		var out bytes.Buffer
		g := Guard(&out)
		for _, part := range []string{text[:cut], text[cut:]} {
			if n, err := io.WriteString(g, part); n != len(part) || err != nil {
				t.Fatalf("%d, %v", n, err)
			}
		}
		if out.String() != want {
			t.Errorf("cut at %d: %q, want %q", cut, out.String(), want)
		}
	}
	var out bytes.Buffer
	if err := Paint(Guard(&out), Red, "fail\x1b[0med"); err != nil || out.String() != "\x1b[31mfail\\u001b[0med\x1b[0m" {
		t.Errorf("painted: %q, %v", out.String(), err)
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("the disk is full") }

func TestAGuardedWriterRemembersThatAWriteFailed(t *testing.T) {
	g := Guard(full{})
	if _, err := io.WriteString(g, "x"); err == nil || g.Err() == nil {
		t.Errorf("%v, %v", err, g.Err())
	}
	if Guard(g) != g {
		t.Error("a guard over a guard is another one")
	}
}

const document = `{"z":1,"a":[1.50,1E3,-0,12345678901234567890123,null,true,false,{},[]],` +
	`"text":["","no","0x1f","1:20","~","- x","a: b","# c","two\nlines","\u001b[2J\u202e\u2028\udb40\udc41","漢字 🙂","null"," x "],"nested":{"a/b":{"k":"v"}}}`

func TestJSONIsShownEscapedAndIsTheSame(t *testing.T) {
	for name, write := range map[string]func(io.Writer, json.RawMessage) error{"indented": WriteJSON, "a line": WriteLine} {
		raw := strings.ReplaceAll(document, `\u202e`, "\u202e")
		var out bytes.Buffer
		if err := write(&out, json.RawMessage(raw)); err != nil {
			t.Fatal(err)
		}
		if strings.ContainsFunc(strings.ReplaceAll(out.String(), "\n", ""), visible.Unsafe) {
			t.Errorf("%s: %q", name, out.String())
		}
		if diff := cmp.Diff(decodeJSON(t, document), decodeJSON(t, out.String())); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestYAMLIsTheSameAsTheJSON(t *testing.T) {
	var out bytes.Buffer
	if err := WriteYAML(&out, json.RawMessage(document)); err != nil {
		t.Fatal(err)
	}
	if strings.ContainsFunc(strings.ReplaceAll(out.String(), "\n", ""), visible.Unsafe) {
		t.Errorf("unsafe: %q", out.String())
	}
	for _, want := range []string{"- 1.50\n", "- 12345678901234567890123\n", `"no"`, "z: 1\na:\n"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing:\n%s", want, out.String())
		}
	}
	var got any
	if err := yaml.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatalf("%v:\n%s", err, out.String())
	}
	data, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	var want, found map[string]any
	if err := errors.Join(json.Unmarshal([]byte(document), &want), json.Unmarshal(data, &found)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, found); diff != "" {
		t.Errorf("%s\n%s", diff, out.String())
	}
}

func decodeJSON(t *testing.T, text string) any {
	t.Helper()
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		t.Fatal(err)
	}
	return value
}

func TestTextFitsTheColumns(t *testing.T) {
	for _, c := range []struct {
		text    string
		columns int
		want    string
	}{
		{"abc", 3, "abc"}, {"abcd", 3, "ab…"}, {"漢字漢字", 8, "漢字漢字"}, {"漢字漢字", 7, "漢字漢…"}, {"漢字漢字", 6, "漢字…"},
		{"ae\u0301", 2, "ae\u0301"}, {"🙂🙂", 3, "🙂…"}, {"abcd", 0, "abcd"},
	} {
		if got := Fit(c.text, c.columns); got != c.want || c.columns > 0 && Columns(got) > c.columns {
			t.Errorf("Fit(%q, %d) = %q, want %q", c.text, c.columns, got, c.want)
		}
	}
	if got, want := Wrap("the run 01a20c1e-7000-8000 failed after two tries", 20, "  "), "the run\n  01a20c1e-7000-8000\n  failed after two\n  tries"; got != want {
		t.Errorf("Wrap: %q, want %q", got, want)
	}
}
