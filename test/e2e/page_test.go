package e2e

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/backflow/backflow/internal/testkit"
)

// page is the seed page, taken apart. Everything in it is as printed.
type page struct {
	// snippets are the blocks of JSON and shell by the line that stands before
	// them, such as "createCustomer" or "Response:".
	snippets  map[string]string
	endpoints []endpoint
}

// endpoint is a line of the page's table.
type endpoint struct{ method, path string }

// snippet titles of the page.
const (
	titleConfig   = "Configuration"
	titleCurl     = "Create Payment Intent"
	titleResponse = "Response:"
	titleWebhooks = "Handle Stripe webhooks:"
	titleWorkflow = "Workflow Example"
)

// titleActions are the titles of the actions' snippets.
var titleActions = []string{"createPaymentIntent", "createCustomer", "createSubscription", "cancelSubscription"}

var tableLine = regexp.MustCompile(`^(GET|POST|PUT|PATCH|DELETE)(/[a-z0-9:/-]+)[A-Z]`)

// readPage reads the seed page from the test data. A snippet follows a line
// that says its language; it has no end mark.
func readPage(t *testing.T) page {
	t.Helper()
	file := filepath.Join(testkit.Root(), "test", "testdata", "seed", "stripe-integration.md")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	p := page{snippets: map[string]string{}}
	title := ""
	for rest := string(text); rest != ""; {
		var line string
		line, rest, _ = strings.Cut(rest, "\n")
		switch line = strings.TrimSpace(line); {
		case line == "json":
			decoder := json.NewDecoder(strings.NewReader(rest))
			var raw json.RawMessage
			if err := decoder.Decode(&raw); err != nil {
				t.Fatalf("%s: snippet %q: %v", file, title, err)
			}
			p.snippets[title] = string(raw)
			rest = rest[decoder.InputOffset():]
		case line == "bash":
			p.snippets[title], rest, _ = strings.Cut(rest, "\n\n")
		case line != "":
			title = line
			if found := tableLine.FindStringSubmatch(line); found != nil {
				p.endpoints = append(p.endpoints, endpoint{found[1], found[2]})
			}
		}
	}
	for _, title := range append([]string{titleConfig, titleCurl, titleResponse, titleWebhooks, titleWorkflow}, titleActions...) {
		if p.snippets[title] == "" {
			t.Fatalf("%s has no snippet %q", file, title)
		}
	}
	if len(p.endpoints) != 4 {
		t.Fatalf("%s lists %d endpoints, not 4", file, len(p.endpoints))
	}
	return p
}

// members returns the members of a snippet's object, without their braces, to
// be put among those of another.
func (p page) members(title string) string {
	text := strings.TrimSpace(p.snippets[title])
	return text[1 : len(text)-1]
}

// params returns the params of an action's snippet.
func (p page) params(t *testing.T, title string) string {
	t.Helper()
	var snippet struct{ Params json.RawMessage }
	if err := json.Unmarshal([]byte(p.snippets[title]), &snippet); err != nil {
		t.Fatal(err)
	}
	return string(snippet.Params)
}

// decode reads JSON with exact numbers.
func decode(t *testing.T, text string) any {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader([]byte(text)))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	if _, err := decoder.Token(); err != io.EOF {
		t.Fatalf("more than one value in %s", text)
	}
	return value
}
