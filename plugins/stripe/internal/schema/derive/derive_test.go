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

	"github.com/backflow/backflow/plugins/stripe/internal/schema/derive"
)

// TestCommittedSchemasAreDerivedFromTheDescription fails when a schema was
// edited by hand, or stripe-mock was changed without go generate.
func TestCommittedSchemasAreDerivedFromTheDescription(t *testing.T) {
	t.Parallel()
	schemas, err := derive.Params(embedded.OpenAPISpec)
	if err != nil {
		t.Fatal(err)
	}
	committed, err := filepath.Glob("../params/*.json")
	if err != nil || len(committed) != len(schemas) {
		t.Errorf("%d files are committed, %d are derived (%v)", len(committed), len(schemas), err)
	}
	for action, schema := range schemas {
		got, err := os.ReadFile(filepath.Join("..", "params", action+".json"))
		if err != nil {
			t.Error(err)
			continue
		}
		if diff := cmp.Diff(string(schema), string(got)); diff != "" {
			t.Errorf("%s is not as derived; run go generate ./plugins/stripe/...\n%s", action, diff)
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
		"not JSON":           {`{`, "read the OpenAPI description"},
		"another version":    {`{"info":{"version":"2030-01-01"}}`, `"2030-01-01"`},
		"a missing path":     {`{"info":{"version":"2023-10-16"}}`, "the description has no"},
		"an unknown keyword": {strings.Replace(string(embedded.OpenAPISpec), `"maxLength"`, `"minLengthOfMine"`, -1), `unknown keyword "minLengthOfMine"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := derive.Params([]byte(test.description))
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want …%s…", err, test.want)
			}
		})
	}
}
