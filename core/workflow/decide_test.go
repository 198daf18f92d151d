package workflow

import (
	"errors"
	"testing"
)

func TestWhatCannotBeRenderedIsNamedOnce(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"condition: at byte 0: x is missing": "step a: condition: at byte 0: x is missing",
		"x is missing":                       "step a: condition: x is missing",
	} {
		if got := renderError("a", "condition", errors.New(text)).Message; got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
