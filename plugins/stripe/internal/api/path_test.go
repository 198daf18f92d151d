package api

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/backflow/backflow/plugins/stripe/internal/form"
)

// hostileIDs are ids that would lead elsewhere if they were pasted into a path.
var hostileIDs = []string{
	"", ".", "..", "/", "a/b", "../x", "..%2f", "%2F", "%2e%2e", "%2E%2E", "%252F", "%00", "%", "%zz", `\`, `..\x`, "\x00", "a\r\nb", "\u0085",
	"?a=b", "#x", ";a", "a;b=c", "a b", "+", "&", "=", "@", ":", "é", "日本", "\u202e", "🙂", "//", "x/", "...", "....", "~", "*", "'", `"`,
	strings.Repeat("a", 255), strings.Repeat("a", 256), strings.Repeat("é", 255), strings.Repeat("a", 300), "\xff",
}

func expand(id string) (string, error) {
	return Path("/v1/customers/{customer}/sources/{id}/verify", func(name string) string {
		if name == "customer" {
			return "cus_1"
		}
		return id
	})
}

func checkPath(t *testing.T, id, path string) {
	t.Helper()
	parsed, err := url.Parse("https://api.stripe.com" + path)
	if err != nil || parsed.RawQuery != "" || parsed.Fragment != "" || parsed.ForceQuery {
		t.Fatalf("%q: %q, %v", id, path, err)
	}
	segments := strings.Split(parsed.EscapedPath(), "/")
	if parsed.EscapedPath() != path || len(segments) != 7 {
		t.Fatalf("%q: %q has %d segments", id, path, len(segments))
	}
	if got, err := url.PathUnescape(segments[5]); err != nil || got != id || strings.TrimLeft(path, "~") != path {
		t.Fatalf("%q is asked for as %q: %q, %v", id, segments[5], got, err)
	}
	segments[5] = "x"
	if strings.Join(segments, "/") != "/v1/customers/cus_1/sources/x/verify" {
		t.Fatalf("%q left its place: %q", id, path)
	}
}

func TestAnIDIsAskedForExactlyOrRefused(t *testing.T) {
	t.Parallel()
	var reached string
	client := serve(t, func(w http.ResponseWriter, r *http.Request) {
		reached = r.RequestURI
		_, _ = io.WriteString(w, `{}`)
	})
	for _, id := range hostileIDs {
		path, err := expand(id)
		refused := id == "" || id == "." || id == ".." || strings.ContainsAny(id, "/\\\x00\r\n\u0085") || len([]rune(id)) > 255 || id == "\xff"
		if refused != (err != nil) {
			t.Errorf("%q: %q, %v", id, path, err)
		}
		if err != nil {
			var fault *form.Fault
			if !errors.As(err, &fault) || fault.Pointer != "/id" || path != "" {
				t.Errorf("%q: %q, %v", id, path, err)
			}
			continue
		}
		checkPath(t, id, path)
		if _, err := client.Do(t.Context(), Request{Method: http.MethodGet, Path: path}); err != nil || reached != path {
			t.Errorf("%q reached the server as %q, %v", path, reached, err)
		}
	}
}

func TestAPathWithoutNamesIsItself(t *testing.T) {
	t.Parallel()
	if got, err := Path("/v1/customers", nil); err != nil || got != "/v1/customers" {
		t.Errorf("%q, %v", got, err)
	}
	if got, err := Path("/v1/customers/{customer", func(string) string { return "x" }); err == nil {
		t.Errorf("%q", got)
	}
}

func FuzzPath(f *testing.F) {
	for _, id := range hostileIDs {
		f.Add(id)
	}
	f.Fuzz(func(t *testing.T, id string) {
		if path, err := expand(id); err == nil {
			checkPath(t, id, path)
		}
	})
}
