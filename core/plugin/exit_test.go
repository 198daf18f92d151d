package plugin

import (
	"strings"
	"testing"
)

func TestExitShowsTheBeginningOfACrash(t *testing.T) {
	noise := strings.Repeat("noise\n", 5000)
	cases := map[string]struct{ stderr, begins string }{
		"nothing": {"", "exit status 2"},
		"lines":   {"one\ntwo\n", "exit status 2: one\ntwo"},
		"panic":   {noise + "panic: at the disco\n\ngoroutine 1 [running]:\n" + noise, "exit status 2: panic: at the disco"},
		"fatal":   {"fatal error: all goroutines are asleep\n" + noise, "exit status 2: fatal error: all"},
		"noise":   {noise, "exit status 2: "},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got := Exit{Reason: "exit status 2", Stderr: c.stderr}.String()
			if !strings.HasPrefix(got, c.begins) || len(got) > excerptSize+len("exit status 2: ") {
				t.Errorf("got %d bytes: %.200s", len(got), got)
			}
		})
	}
}
