package destination

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/backflow/backflow/core/egress"
)

// vector is a signature that a library of Standard Webhooks made.
type vector struct {
	Library   string
	Secret    string // whsec_ or whsk_
	ID        string
	Timestamp int64
	Body      string
	Signature string
}

func vectors(t *testing.T) (list []vector) {
	t.Helper()
	data, err := os.ReadFile("testdata/signatures.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &list); err != nil || len(list) < 4 {
		t.Fatalf("%d vectors, %v", len(list), err)
	}
	return list
}

func TestSignaturesAreThoseOfTheLibrariesOfStandardWebhooks(t *testing.T) {
	for _, v := range vectors(t) {
		var s signer
		if strings.HasPrefix(v.Secret, privatePrefix) {
			key, err := parseKey(v.Secret)
			if err != nil {
				t.Fatal(err)
			}
			s.keys = []ed25519.PrivateKey{key}
		} else {
			secret, err := parseSecret(v.Secret)
			if err != nil {
				t.Fatal(err)
			}
			s.secrets = [][]byte{secret}
		}
		if _, got := s.headers(v.ID, time.Unix(v.Timestamp, 999), []byte(v.Body)); got != v.Signature {
			t.Errorf("%s, %s: %s, want %s", v.Library, v.ID, got, v.Signature)
		}
	}
}

func TestAMessageIsSignedWithEverySecretWhileTheyChange(t *testing.T) {
	d := crm()
	d.Secrets = []string{"whsec_" + base64.StdEncoding.EncodeToString(make([]byte, 32)), testSecret}
	d.Keys = []string{"whsk_" + base64.StdEncoding.EncodeToString(make([]byte, 32)), "whsk_" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", 32)))}
	made, err := NewDestination(d, egress.Policy{})
	if err != nil {
		t.Fatal(err)
	}
	_, signature := made.signer.headers("msg_1", time.Unix(1, 0), []byte("{}"))
	var kinds []string
	for _, one := range strings.Split(signature, " ") {
		kind, _, _ := strings.Cut(one, ",")
		kinds = append(kinds, kind)
	}
	if got := strings.Join(kinds, " "); got != "v1 v1 v1a v1a" {
		t.Errorf("signatures are %s", got)
	}
	keys := made.PublicKeys()
	if len(keys) != 2 || keys[0].ID == keys[1].ID || keys[0].Type != "OKP" || !strings.HasPrefix(keys[0].Standard, "whpk_") {
		t.Errorf("public keys: %+v", keys)
	}
	public, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(keys[0].Standard, "whpk_"))
	if err != nil {
		t.Fatal(err)
	}
	verified := false
	for _, one := range strings.Split(signature, " ") {
		kind, encoded, _ := strings.Cut(one, ",")
		raw, err := base64.StdEncoding.DecodeString(encoded)
		verified = verified || err == nil && kind == "v1a" && ed25519.Verify(public, []byte("msg_1.1.{}"), raw)
	}
	if !verified {
		t.Error("the public key verifies no signature")
	}
}

// The example of RFC 8037, appendix A.3.
func TestTheIDOfAKeyIsItsThumbprint(t *testing.T) {
	seed, err := base64.RawURLEncoding.DecodeString("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A")
	if err != nil {
		t.Fatal(err)
	}
	key := publicKeyOf(ed25519.NewKeyFromSeed(seed))
	if key.X != "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" || key.ID != "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k" {
		t.Errorf("the key is %+v", key)
	}
}

func TestSecretsAndKeysAreCheckedWithoutQuotingThem(t *testing.T) {
	for _, c := range []struct {
		secret, key, problem string
	}{
		{"not base64 at all!", "", "whsec_ and base64"}, {"whsec_", "", "whsec_ and base64"}, {"whsk_AAAA", "", "given as key"}, {"whpk_AAAA", "", "given as key"},
		{"", "whsec_AAAA", "whsk_ and the base64"}, {"", "whsk_AAAA", "whsk_ and the base64"}, {"", "whpk_AAAA", "public key"},
		{"", "whsk_" + base64.StdEncoding.EncodeToString(make([]byte, 64)), "second half"},
	} {
		d := crm()
		d.Secrets, d.Keys = nil, nil
		if c.secret != "" {
			d.Secrets = []string{c.secret}
		} else {
			d.Keys = []string{c.key}
		}
		_, err := NewDestination(d, egress.Policy{})
		if err == nil || !strings.Contains(err.Error(), c.problem) || strings.Contains(err.Error(), "AAAA") {
			t.Errorf("%+v: %v", c, err)
		}
	}
	d := crm()
	d.Secrets = []string{"whsec_AAAA", testSecret}
	if made, err := NewDestination(d, egress.Policy{}); err != nil || len(made.Weak()) != 1 || made.Weak()[0] != 0 {
		t.Errorf("a short secret: %v", err)
	}
}

func FuzzParseSecretsAndKeys(f *testing.F) {
	for _, seed := range []string{testSecret, "whsk_nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=", "whpk_", "whsec_=", "a"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if secret, err := parseSecret(text); err == nil && len(secret) == 0 {
			t.Error("an empty secret")
		}
		if key, err := parseKey(text); err == nil && len(key) != ed25519.PrivateKeySize {
			t.Error("a key of another size")
		}
	})
}
