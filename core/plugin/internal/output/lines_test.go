package output

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
)

// collect returns what a logger without times writes.
func collect(output ...string) string {
	var b bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&b, &slog.HandlerOptions{
		Level: slog.LevelDebug - 4,
		ReplaceAttr: func(_ []string, attr slog.Attr) slog.Attr {
			if attr.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return attr
		},
	}))
	l := NewLines(logger, nil)
	for _, part := range output {
		// It never fails.
		_, _ = l.Write([]byte(part))
	}
	l.Flush()
	return b.String()
}

func TestLinesBecomeRecords(t *testing.T) {
	cases := map[string]struct {
		output []string
		want   string
	}{
		"hclog": {
			[]string{`{"@level":"warn","@message":"m","@timestamp":"2026-01-02T03:04:05.000000Z","b":1.50,"a":{"x":null}}` + "\n"},
			`level=WARN msg=m a="{\"x\":null}" b=1.50` + "\n",
		},
		"in pieces":            {[]string{`{"@message"`, `:"m"}` + "\nne", "xt\n"}, "level=INFO msg=m\nlevel=INFO msg=next\n"},
		"no line end":          {[]string{"last"}, "level=INFO msg=last\n"},
		"a message of no text": {[]string{`{"@message":1,"@level":[]}` + "\n"}, `level=INFO msg="{\"@message\":1,\"@level\":[]}"` + "\n"},
		"a panic to its end":   {[]string{"before\npanic: x\n\ngoroutine 1:\n"}, "level=INFO msg=before\nlevel=ERROR msg=\"panic: x\"\nlevel=ERROR msg=\"goroutine 1:\"\n"},
		"unknown level":        {[]string{`{"@message":"m","@level":"loud"}` + "\n"}, "level=INFO msg=m\n"},
		"trace":                {[]string{`{"@message":"m","@level":"trace"}` + "\n"}, "level=DEBUG-4 msg=m\n"},
		"fields that are the gateway's": {
			[]string{`{"@message":"m","plugin":"another","level":"FATAL","msg":"forged","time":"x","source":"y"}` + "\n"},
			"level=INFO msg=m its.level=FATAL its.msg=forged its.plugin=another its.source=y its.time=x\n",
		},
		"no text at all": {[]string{"\xff\n"}, "level=INFO msg=\"\uFFFD\"\n"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := collect(c.output...); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestForkedLinesHaveTheirAttributes(t *testing.T) {
	var b bytes.Buffer
	all := NewLines(slog.New(slog.NewTextHandler(&b, nil)), nil)
	fork := all.Fork(nil, func() []any { return []any{"requestId", "r"} })
	_, _ = fork.Write([]byte("plain\n" + `{"@message":"m","a":1}` + "\n"))
	for _, want := range []string{"msg=plain requestId=r", "msg=m a=1 requestId=r"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in %s", want, b.String())
		}
	}
}

func TestLongLinesAreCutAndManyAreLeftOut(t *testing.T) {
	got := collect(strings.Repeat("x", 3*maxLine+1))
	if lines := strings.Count(got, "\n"); lines != 4 {
		t.Errorf("a line of three times the bound and one byte becomes %d", lines)
	}
	got = collect(strings.Repeat("x\n", 10*maxLinesPerSecond))
	// The second may change meanwhile.
	if lines := strings.Count(got, "\n"); lines > 3*maxLinesPerSecond {
		t.Errorf("%d lines were logged", lines)
	}
}

func TestTailKeepsTheLast(t *testing.T) {
	var kept Tail
	for range 1000 {
		kept.Write([]byte(strings.Repeat("a", 1000)))
	}
	kept.Write([]byte("the end"))
	got := kept.String()
	if len(got) != tailSize || !strings.HasSuffix(got, "athe end") {
		t.Errorf("got %d bytes ending in %q", len(got), got[len(got)-10:])
	}
}

func FuzzLines(f *testing.F) {
	for _, seed := range []string{
		"", "\n", "{", "{}\n", `{"@message":"m","@level":"info","@timestamp":"x"}` + "\n", `{"@message":null}` + "\n",
		`{"@message":1,"@level":[],"@timestamp":{}}` + "\n", "panic: \x00\xff\n\n", `{"a":{"b":[1e999999]}}` + "\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, output []byte) {
		logged := collect(string(output))
		if strings.Count(logged, "\n") > bytes.Count(output, []byte("\n"))+1+len(output)/maxLine {
			t.Errorf("%d bytes become %q", len(output), logged)
		}
	})
}
