package config

import "testing"

func TestFaultsAsJSON(t *testing.T) {
	t.Parallel()
	faults := Faults{{Pos: Pos{"a.json", 2, 3}, Message: "m", Hint: "h"}, {Pos: Pos{File: "b.json"}, Message: "n"}}
	want := `[
  {
    "file": "a.json",
    "line": 2,
    "column": 3,
    "message": "m",
    "hint": "h",
    "severity": "error"
  },
  {
    "file": "b.json",
    "line": 0,
    "column": 0,
    "message": "n",
    "severity": "error"
  },
  {
    "file": "a.json",
    "line": 4,
    "column": 5,
    "message": "odd",
    "severity": "warning"
  }
]
`
	if got := string(faults.JSON(Faults{{Pos: Pos{File: "a.json", Line: 4, Col: 5}, Message: "odd"}})); got != want {
		t.Errorf("got %s", got)
	}
	if got := string(Faults(nil).JSON(nil)); got != "[]\n" {
		t.Errorf("no faults are %q", got)
	}
	if got, want := faults.Error(), "a.json:2:3: m (h)\nb.json: n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
