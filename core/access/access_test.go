package access

import (
	"strings"
	"testing"
)

func TestAHashIsReadAsItIsWritten(t *testing.T) {
	t.Parallel()
	good := HashOf("a")
	if good.String() != "sha256:ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb" {
		t.Error(good)
	}
	for _, text := range []string{good.String(), "sha256:" + strings.ToUpper(good.String()[7:])} {
		if read, err := ParseHash(text); err != nil || read != good {
			t.Errorf("%s: %v, %v", text, read, err)
		}
	}
	for name, text := range map[string]string{
		"nothing":         "",
		"token as a hash": "secret-token",
		"short":           good.String()[:20],
		"no algorithm":    good.String()[7:],
		"other algorithm": strings.Replace(good.String(), "sha256", "sha512", 1),
	} {
		_, err := ParseHash(text)
		if err == nil {
			t.Errorf("%s: accepted", name)
		} else if strings.Contains(err.Error(), "secret-token") {
			t.Errorf("%s: the token is in the error", name)
		}
	}
}

func TestScopeGrants(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		scope, permission string // "" between colons asks for some
		want              bool
	}{
		{"integrations:shop:pay", "integrations:shop:pay", true},
		{"integrations:shop:pay", "integrations:shop:refund", false},
		{"integrations:shop:pay", "integrations:shopping:pay", false},
		{"integrations:shop:pay", "integrations:shop:*", false},
		{"integrations:shop:pay", "integrations:shop:", true},
		{"integrations:shop:pay", "integrations::", true},
		{"integrations:shop:pay", "integrations:other:", false},
		{"integrations:shop:*", "integrations:shop:pay", true},
		{"integrations:shop:*", "integrations:other:pay", false},
		{"integrations:*:pay", "integrations:other:pay", true},
		{"integrations:*:pay", "integrations:other:refund", false},
		{"integrations:*", "integrations:shop:pay", true},
		{"integrations:*", "workflows:a:run", false},
		{"workflows:process-order:run", "workflows:process-order:run", true},
		{"workflows:process-order:run", "workflows:process-order:read", false},
		{"workflows:*:read", "workflows::read", true},
		{"workflows:*:run", "workflows::read", false},
		{"workflows:a:*", "workflows:a:run", true},
		{"runs:read", "runs:read", true},
		{"runs:read", "runs:write", false},
		{"runs:*", "runs:write", true},
		{"events:read", "runs:read", false},
		{"*", "runs:write", true},
		{"admin", "integrations:shop:pay", true},
	} {
		scope, err := ParseScope(c.scope)
		if err != nil {
			t.Error(err)
			continue
		}
		if scope.String() != c.scope {
			t.Errorf("%s is written %s", c.scope, scope)
		}
		if got := scope.Grants(strings.Split(c.permission, ":")...); got != c.want {
			t.Errorf("%s grants %s: %v", c.scope, c.permission, got)
		}
	}
	if (Scope{}).Grants("runs", "read") || (Scope{}).Grants() {
		t.Error("the zero scope grants something")
	}
}

func TestScopesAreChecked(t *testing.T) {
	t.Parallel()
	for scope, want := range map[string]string{
		"":                        "known: integrations, workflows",
		":":                       "known: integrations, workflows",
		"integrations:":           "write integrations:NAME:ACTION",
		"integrations:a b:c":      "write integrations:NAME:ACTION",
		"integrations:get*:x":     "write integrations:NAME:ACTION",
		"integration:shop:pay":    "did you mean \"integrations\"?",
		"integrations":            "write integrations:NAME:ACTION",
		"integrations:shop":       "write integrations:NAME:ACTION",
		"integrations:shop:pay:x": "write integrations:NAME:ACTION",
		"workflows:a":             "write workflows:ID:run or workflows:ID:read",
		"workflows:a:execute":     "write workflows:ID:run or workflows:ID:read",
		"runs":                    "write runs:read or runs:write",
		"runs:delete":             "write runs:read or runs:write",
		"admin:x":                 "write admin",
		"*:read":                  "known: integrations, workflows",
		"routes:x":                "not supported by this version",
	} {
		if _, err := ParseScope(scope); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", scope, err, want)
		}
	}
}

func TestEveryFormIsAScope(t *testing.T) {
	t.Parallel()
	for _, form := range Forms() {
		permission := strings.Split(form, ":")
		for i, part := range permission {
			if part == strings.ToUpper(part) {
				permission[i] = AnyName
			}
		}
		if got := FormFor(permission...); got != form {
			t.Errorf("the scopes for %q are written %s, want %s", permission, got, form)
		}
		scope := ScopeFor(permission...)
		if read, err := ParseScope(scope.String()); err != nil || !read.Grants(permission...) {
			t.Errorf("%s: %v, or it does not grant %q", scope, err, permission)
		}
	}
}

func TestFormFor(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ permission, want string }{ // "" between colons is any name
		{"integrations:shop:", "integrations:shop:ACTION"},
		{"integrations::pay", "integrations:NAME:pay"},
		{"integrations:\u00e9 *:", "integrations:\u00e9 *:ACTION"},
		{"workflows::read", "workflows:ID:read"},
		{"workflows:a:", "workflows:a:*"},
		{"runs:read", "runs:read"},
		{"runs:", "runs:*"},
		{"integrations:", "integrations:*"},
		{"none:", "none:*"},
	} {
		if got := FormFor(strings.Split(c.permission, ":")...); got != c.want {
			t.Errorf("%s: %s, want %s", c.permission, got, c.want)
		}
	}
}

func TestWhatIsGrantedByNameNeedsItsName(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"integrations:shop:call": true, "integrations:*:call": true, "*": true, "admin": true,
		"integrations:shop:*": false, "integrations:*": false, "integrations:*:*": false,
		"integrations:shop:read": false, "integrations:other:call": false, "runs:read": false,
	} {
		scope, err := ParseScope(text)
		if err != nil {
			t.Fatal(err)
		}
		if scope.GrantsByName("integrations", "shop", "call") != want {
			t.Errorf("%s: %t", text, !want)
		}
	}
	if (Scope{}).GrantsByName("integrations", "shop", "call") || (Scope{}).GrantsByName() {
		t.Error("the zero scope grants something")
	}
}
