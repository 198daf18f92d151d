package pointer

import "testing"

func TestNamesAreEscaped(t *testing.T) {
	for _, test := range []struct {
		base  string
		names []string
		want  string
	}{
		{"", nil, ""},
		{"", []string{""}, "/"},
		{"/data", []string{"amount"}, "/data/amount"},
		{"/data", []string{"a/b", "0", "~1"}, "/data/a~1b/0/~01"},
	} {
		if got := Join(test.base, test.names...); got != test.want {
			t.Errorf("Join(%q, %q) = %q, want %q", test.base, test.names, got, test.want)
		}
	}
}
