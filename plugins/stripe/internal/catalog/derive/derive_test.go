package derive_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stripe/stripe-go/v76"
	"github.com/stripe/stripe-mock/embedded"

	"github.com/backflow/backflow/plugins/stripe/internal/catalog/derive"
)

// TestCommittedFilesAreDerivedFromTheDescription fails when a schema was
// edited by hand, or stripe-mock was changed without go generate.
func TestCommittedFilesAreDerivedFromTheDescription(t *testing.T) {
	t.Parallel()
	files, err := derive.Files(embedded.OpenAPISpec)
	if err != nil {
		t.Fatal(err)
	}
	committed, err := filepath.Glob("../params/*.json")
	if err != nil || len(committed)+2 != len(files) {
		t.Errorf("%d files are committed, %d are derived (%v)", len(committed)+2, len(files), err)
	}
	for name, content := range files {
		got, err := os.ReadFile(filepath.Join("..", name))
		if err != nil {
			t.Error(err)
			continue
		}
		if diff := cmp.Diff(string(content), string(got)); diff != "" {
			t.Errorf("%s is not as derived; run go generate ./plugins/stripe/...\n%s", name, diff)
		}
	}
}

// TestDescriptionAndLibrarySpeakOneVersion guards against one of the two
// being raised alone.
func TestDescriptionAndLibrarySpeakOneVersion(t *testing.T) {
	t.Parallel()
	if !bytes.Contains(embedded.OpenAPISpec, []byte(`"version":"`+stripe.APIVersion+`"`)) &&
		!bytes.Contains(embedded.OpenAPISpec, []byte(`"version": "`+stripe.APIVersion+`"`)) {
		t.Errorf("the description is not of %s", stripe.APIVersion)
	}
}

func TestADescriptionThatIsNotUnderstoodIsAnError(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ description, want string }{
		"not JSON":            {`{`, "read the OpenAPI description"},
		"another version":     {strings.Replace(string(embedded.OpenAPISpec), `"version": "2023-10-16"`, `"version": "2030-01-01"`, 1), `"2030-01-01"`},
		"a missing operation": {strings.Replace(string(embedded.OpenAPISpec), `"PostRefunds"`, `"PostRefundsOfMine"`, 1), "the description has no operation PostRefunds"},
		"an unknown keyword":  {strings.Replace(string(embedded.OpenAPISpec), `"maxLength"`, `"minLengthOfMine"`, -1), "minLengthOfMine: unknown keyword"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := derive.Files([]byte(test.description))
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want …%s…", err, test.want)
			}
		})
	}
}
