package config

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/backflow/backflow/core/workflow"
)

const (
	manual         = "../../docs/configuration.md"
	referenceBegin = "<!-- reference: written by `go test ./core/config -run Reference -update` -->\n"
	referenceEnd   = "<!-- end of reference -->\n"
)

// TestReferenceInTheManualIsTheDeclaration keeps the table of all keys in the
// manual true.
func TestReferenceInTheManualIsTheDeclaration(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile(manual)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(data), referenceBegin)
	got, after, closed := strings.Cut(rest, referenceEnd)
	if !ok || !closed {
		t.Fatal("the manual has no place for the reference")
	}
	var rows strings.Builder
	rows.WriteString("| key | type | default | meaning |\n| --- | --- | --- | --- |\n")
	root := declaration().description
	writeReference(&rows, "", root)
	if *update {
		if err := os.WriteFile(manual, []byte(before+referenceBegin+rows.String()+referenceEnd+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(rows.String(), got); diff != "" {
		t.Errorf("reference (-want +got), run with -update:\n%s", diff)
	}
	for _, p := range root.keys {
		if p.unsupported && !strings.Contains(after, "`"+p.name+"`") {
			t.Errorf("the manual does not say that %s is refused", p.name)
		}
	}
}

func writeReference(w *strings.Builder, path string, d description) {
	for _, p := range d.keys {
		if p.unsupported {
			continue
		}
		name := strings.TrimPrefix(path+"."+p.name, ".")
		def := ""
		switch {
		case p.required:
			def = "required"
		case p.def != "" && p.description.keys == nil:
			def = "`" + p.def + "`"
		}
		fmt.Fprintf(w, "| `%s` | %s | %s | %s |\n", name, typeName(p.description), def, p.doc)
		inner := p.description
		switch {
		case inner.items != nil:
			writeReference(w, name+"[]", *inner.items)
		case inner.values != nil:
			writeReference(w, name+".NAME", *inner.values)
		default:
			writeReference(w, name, inner)
		}
	}
}

func typeName(d description) string {
	switch {
	case d.items != nil:
		return "array of " + typeName(*d.items)
	case d.values != nil:
		return "object of " + typeName(*d.values)
	case d.secret:
		return d.typ + " ¹"
	}
	return d.typ
}

// TestDefaultsHaveNoFault: a default is decoded like what a user writes.
func TestDefaultsHaveNoFault(t *testing.T) {
	t.Parallel()
	var check func(path string, d description)
	check = func(path string, d description) {
		for _, p := range d.keys {
			if p.def != "" && parseJSON(&collector{}, "default", []byte(p.def)) == nil {
				t.Errorf("%s.%s: default %s is not JSON", path, p.name, p.def)
			}
			if !p.unsupported && p.doc == "" {
				t.Errorf("%s.%s is not documented", path, p.name)
			}
			check(path+"."+p.name, p.description)
			if p.items != nil {
				check(path+"."+p.name, *p.items)
			}
		}
	}
	check("", declaration().description)
	if _, err := loadText(t, `{ "server": {}, "state": {}, "auth": {} }`, nil); err != nil {
		t.Error(err)
	}
}

// TestTheManualsExamplesAreValid loads every jsonc block of the manual.
func TestTheManualsExamplesAreValid(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile(manual)
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(data), "```jsonc\n")[1:]
	if len(blocks) == 0 {
		t.Fatal("the manual has no example")
	}
	for _, block := range blocks {
		text, _, _ := strings.Cut(block, "```")
		env := map[string]string{"STRIPE_SECRET_KEY": "sk_test_x", "STRIPE_WEBHOOK_SECRET": "whsec_x", "REDIS_URL": "redis://127.0.0.1", "ACME_KEY": "x"}
		o := archive(map[string]string{"config.json": text, "workflows/a.json": `{ "id": "a" }`, "bin/backflow-plugin-acme": "", "bin/rates.wasm": ""}, env)
		o.LookupEnv = func(name string) (string, bool) { v, ok := env[name]; return v, ok }
		inner := o.ReadFile
		o.ReadFile = func(path string) ([]byte, error) {
			if strings.HasPrefix(path, "/run/secrets/") {
				return []byte("secret\n"), nil
			}
			return inner(path)
		}
		if _, err := load("config.json", "/etc/backflow", o); err != nil {
			t.Errorf("%s\n%v", text, err)
		}
	}
}

// fitsSchema returns a function that holds the JSON of a config against the
// JSON Schema.
func fitsSchema(t *testing.T) func(text string) error {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(string(Schema())))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("config.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("config.json")
	if err != nil {
		t.Fatal(err)
	}
	return func(text string) error {
		t.Helper()
		v, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		return schema.Validate(v)
	}
}

func TestSchemaAcceptsWhatLoadAccepts(t *testing.T) {
	t.Parallel()
	valid := fitsSchema(t)
	for _, path := range repositoryConfigs(t, "*.json") {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := valid(string(parse(t, string(data)).JSON())); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
	for _, text := range []string{`{"sever":{}}`, `{"server":{"listen":1}}`, `{"schedules":{}}`, `{"webhooks":[{"name":"a"}]}`, `{"state":{"durability":"never"}}`} {
		if valid(text) == nil {
			t.Errorf("%s is accepted", text)
		}
	}
}

func TestSchemaAcceptsEveryTypeOfStepWithItsKeys(t *testing.T) {
	t.Parallel()
	valid := fitsSchema(t)
	for _, name := range workflow.StepTypes() {
		keys := workflow.StepKeys(workflow.Type(name))
		step := map[string]string{}
		for _, key := range keys {
			step[key] = "x"
		}
		step["type"] = name
		steps, err := json.Marshal([]any{step})
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range []string{
			`{"workflows":[{"id":"w","steps":` + string(steps) + `}]}`,
			`{"webhooks":[{"name":"a","path":"/a","provider":"p","actions":` + string(steps) + `}]}`,
		} {
			if err := valid(text); err != nil {
				t.Errorf("%s: %v", text, err)
			}
		}
		if problem, _ := integrationName.check(name); problem == "" {
			t.Errorf("an integration may be named %q", name)
		}
	}
}

func repositoryConfigs(t *testing.T, pattern string) []string {
	t.Helper()
	paths, err := filepath.Glob("../../configs/" + pattern)
	if err != nil || len(paths) < 2 {
		t.Fatalf("configs are %v, %v", paths, err)
	}
	return paths
}

// TestConfigsOfTheRepositoryLoad checks those with Stripe as serve and as dev
// read them.
func TestConfigsOfTheRepositoryLoad(t *testing.T) {
	t.Parallel()
	for _, path := range repositoryConfigs(t, "stripe*.json") {
		env := map[string]string{"STRIPE_SECRET_KEY": "sk_test_1", "STRIPE_WEBHOOK_SECRET": "whsec_1"}
		c, err := Load(path, Options{LookupEnv: func(name string) (string, bool) { v, ok := env[name]; return v, ok }})
		if err != nil {
			t.Errorf("serve:\n%v", err)
			continue
		}
		if got, want := string(c.Credentials["stripe"].Reveal()), `{"secretKey":"sk_test_1","webhookSecret":"whsec_1"}`; got != want {
			t.Errorf("%s: credentials are %s, want %s", path, got, want)
		}
		if len(c.Workflows) != 1 || c.Workflows[0].ID != "process-order" || len(c.Webhooks) != 1 || c.Server.Listen != ":3000" {
			t.Errorf("%s: config is %+v", path, c)
		}
		if want := map[string]string{"stripe.json": "", "stripe.redis.json": "redis"}[filepath.Base(path)]; c.State.Backend != want {
			t.Errorf("%s: state is in %q, want %q", path, c.State.Backend, want)
		}
		var database struct{ Migrations string }
		if err := json.Unmarshal(c.Credentials["database"].Reveal(), &database); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(filepath.Join(c.BaseDir, database.Migrations, "0001_payments.sql")); err != nil {
			t.Error(err)
		}

		nothing := func(string) (string, bool) { return "", false }
		if _, err := Load(path, Options{LookupEnv: nothing, Dev: true}); err != nil {
			t.Errorf("dev:\n%v", err)
		}
		_, err = Load(path, Options{LookupEnv: nothing})
		if err == nil || !strings.Contains(err.Error(), "credentials.stripe.secretKey: the environment variable STRIPE_SECRET_KEY is not set (export STRIPE_SECRET_KEY=…)") {
			t.Errorf("serve without a key: %v", err)
		}
	}
}
