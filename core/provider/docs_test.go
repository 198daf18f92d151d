package provider

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the table of providers in docs/webhook-providers.md anew")

const (
	providersPage  = "../../docs/webhook-providers.md"
	webhooksPage   = "../../docs/webhooks.md"
	providersBegin = "<!-- made from the table of providers -->\n"
	providersEnd   = "<!-- end of what is made from the table of providers -->\n"
)

// TestThePageListsEveryProvider: what it says of signature, id and replay is what the
// table says, and of each it says what to paste where.
func TestThePageListsEveryProvider(t *testing.T) {
	page, err := os.ReadFile(providersPage)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := bytes.Cut(page, []byte(providersBegin))
	made, after, ended := bytes.Cut(rest, []byte(providersEnd))
	if !found || !ended {
		t.Fatalf("%s lacks the marks of the table", providersPage)
	}
	table := providersTable()
	if *update {
		page = bytes.Join([][]byte{before, []byte(providersBegin), []byte(table), []byte(providersEnd), after}, nil)
		if err := os.WriteFile(providersPage, page, 0o644); err != nil {
			t.Fatal(err)
		}
	} else if string(made) != table {
		t.Errorf("%s shows another table than\n%s\nrun: go test ./core/provider -run %s -update", providersPage, table, t.Name())
	}
	webhooks, err := os.ReadFile(webhooksPage)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range BuiltIn().Names() {
		if !bytes.Contains(webhooks, []byte("`"+name+"`")) {
			t.Errorf("%s does not name the provider %s", webhooksPage, name)
		}
	}
	_, pasting, found := strings.Cut(string(after), "\n## What to paste where\n")
	pasting, _, _ = strings.Cut(pasting, "\n## ")
	if !found {
		t.Fatalf("%s does not say what to paste where", providersPage)
	}
	said := []string{}
	for line := range strings.Lines(pasting) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "| "), " | ")
		if name := strings.Trim(cells[0], "`"); len(cells) == 3 && name != cells[0] {
			said = append(said, name)
		}
	}
	slices.Sort(said)
	want := append(BuiltIn().Names(), "stripe") // which is a plugin
	slices.Sort(want)
	if diff := cmp.Diff(want, said); diff != "" {
		t.Errorf("of which providers %s says what to paste where (-want +got):\n%s", providersPage, diff)
	}
}

// providersTable is the part of the page that the table of providers says.
func providersTable() string {
	providers := BuiltIn()
	slices.SortFunc(providers, func(a, b Provider) int { return strings.Compare(a.Name, b.Name) })
	var b strings.Builder
	b.WriteString("| provider | where the signature is | the event's id | guards against replay |\n| --- | --- | --- | --- |\n")
	for _, p := range providers {
		where := "the body"
		if len(p.Headers) > 0 {
			where = "`" + p.Headers[0] + "`"
		}
		if p.SignsURL {
			where += ", with the URL"
		}
		id := p.EventID
		if id == "" {
			id = "the digest of what is signed"
		}
		fmt.Fprintf(&b, "| [`%s`](%s) | %s | %s | %s |\n", p.Name, p.Page, where, id, guard(p))
	}
	return b.String()
}

// guard says what keeps a request that was caught from being sent again.
func guard(p Provider) string {
	switch {
	case p.Name == "dropbox":
		return "nothing: two changes are the same bytes, so each that comes is an event"
	case p.ShowsSecret:
		return "the id alone, which is not signed, nor is anything else"
	case p.Timestamp != "" && p.IDSigned:
		return "the time, and the id"
	case p.Timestamp != "":
		return "the time, and the digest of what is signed"
	case p.IDSigned:
		return "the id alone"
	default:
		return "the id alone, with the digest of what is signed, as the id is not"
	}
}
