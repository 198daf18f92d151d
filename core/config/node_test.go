package config

import "testing"

func TestPositionsOfPointers(t *testing.T) {
	t.Parallel()
	n := parse(t, "{\n  // é\n  \"steps\": [ /* ü */ { \"a/b\": 1, \"m~n\": {\"x\": [true]} },\n    null ],\n}")
	for pointer, want := range map[string]string{
		"":                  "1:1",
		"/steps":            "3:12",
		"/steps/0":          "3:22",
		"/steps/0/a~1b":     "3:31",
		"/steps/0/m~0n/x/0": "3:48",
		"/steps/1":          "4:5",
		"/steps/1/gone":     "4:5",
		"/steps/2":          "3:12",
		"/steps/x":          "3:12",
		"/gone/deeper":      "1:1",
	} {
		if got := n.At(pointer).String(); got != "f.json:"+want {
			t.Errorf("At(%q) is %s, want %s", pointer, got, want)
		}
	}
}

func TestJSONKeepsWhatWasWritten(t *testing.T) {
	t.Parallel()
	n := parse(t, `{ "b": 12345678901234567890, "a": [1.50, 1e400, -0, "\u00e9\ud83d\ude00\/\u0000"], "c": {}, "d": [ ], }`)
	want := `{"b":12345678901234567890,"a":[1.50,1e400,-0,"é😀/\u0000"],"c":{},"d":[]}`
	if got := string(n.JSON()); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
