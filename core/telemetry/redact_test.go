package telemetry

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
)

func TestASecretIsReplacedInATextAndNothingElseIs(t *testing.T) {
	t.Parallel()
	r := &Redactor{}
	r.Add("", "sho", "secret-one", "secret-one-longer")
	r.Add("added-later", "tok/abc+1", "pass word", `qu"ote\d`, "smile😀y")
	for in, want := range map[string]string{
		"":                                "",
		"short words stay":                "short words stay",
		"a secret-one-longer b":           "a *** b",
		"secret-one secret-one":           "*** ***",
		"added-later, secret-one":         "***, ***",
		"Basic c2VjcmV0LW9uZTo=":          "Basic ***",
		"c2VjcmV0LW9uZQ== base64 of one":  "*** base64 of one",
		"nothing of the kind secret-on e": "nothing of the kind secret-on e",

		`JSON {"a":"tok\/abc+1"}`:          `JSON {"a":"***"}`,
		`tok\u002fabc\u002B1 and \u0041`:   `*** and \u0041`,
		`a=tok%2fabc%2B1&b=%41`:            `a=***&b=%41`,
		`tok%252Fabc%252b1 twice`:          `*** twice`,
		`tok\\/abc\\u002b1 JSON in JSON`:   `*** JSON in JSON`,
		`tok\u00252fabc%2b1 a URL in JSON`: `*** a URL in JSON`,
		strings.ReplaceAll(`tok\/abc+1 five times JSON`, `\`, strings.Repeat(`\`, 16)): `*** five times JSON`,
		`tok&#x2F;abc&#43;1 &amp; more`:        `*** &amp; more`,
		`tok\x2fabc+1 of Go`:                   `*** of Go`,
		`q=pass+word r=pass%20word pass word`:  `q=*** r=*** ***`,
		`qu\"ote\\d quoted, qu"ote\d plain`:    `*** quoted, *** plain`,
		`smile\ud83d\ude00y in a pair`:         `*** in a pair`,
		`smile\U0001f600y of Go`:               `*** of Go`,
		"746f6b2f6162632b31 in hex":            "*** in hex",
		"a lone \\ud83d, 100%, a & b; %zz \\q": "a lone \\ud83d, 100%, a & b; %zz \\q",
	} {
		if got := r.String(in); got != want {
			t.Errorf("String(%q) = %q, want %q", in, got, want)
		}
	}
	if got := (*Redactor)(nil).String("secret-one"); got != "secret-one" {
		t.Errorf("nil redactor: %q", got)
	}
	if got := (&Redactor{}).String("secret-one"); got != "secret-one" {
		t.Errorf("empty redactor: %q", got)
	}
}

func TestASecretIsFoundInTheBase64OfALongerText(t *testing.T) {
	t.Parallel()
	const token = "tok/abc+1?>~"
	r := &Redactor{}
	r.Add(token)
	for _, encoding := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding} {
		for before := range 4 {
			for after := range 4 {
				text := encoding.EncodeToString([]byte("user"[:before] + token + ":pw?"[:after]))
				if clean := r.String(text); !strings.Contains(clean, Redacted) || len(clean) > len(Redacted)+before*2+after*2+4 {
					t.Errorf("%s became %s", text, clean)
				}
			}
		}
	}
}

func TestRedactedJSONStaysJSONAndElseAsItIsWritten(t *testing.T) {
	t.Parallel()
	r := &Redactor{}
	r.Add("secret-one", `":"value`, "12345678", "tok/abc")
	for in, want := range map[string]string{
		`{"a":"secret-one"}`: `{"a":"***"}`,
		`{"a":"value"}`:      `{"a":"value"}`,
		`{ "a" : "tok\/abc", "b":1e2,"c":"\u0041" }`:                 `{ "a" : "***", "b":1e2,"c":"\u0041" }`,
		`{"secret-one":1,"x":2,"secret-one ":3,"secret\u002done":4}`: `{"***":1,"x":2,"*** ":3,"***2":4}`,
		`{"id":12345678,"n":-123456789.5e+3,"t":true}`:               `{"id":"***","n":"-***9.5e+3","t":true}`,
		`["tok%2Fabc","tok%2fabc?\"","\ud800 tok/abc"]`:              `["***","***?\"","` + "\ufffd" + ` ***"]`,
		`"a \"string\": {\"k\":\"tok\\\/abc\"}"`:                     `"a \"string\": {\"k\":\"***\"}"`,
		`no JSON, tok\/abc`:                                          `no JSON, ***`,
	} {
		if got := string(r.JSON(json.RawMessage(in))); got != want {
			t.Errorf("JSON(%s) = %s, want %s", in, got, want)
		}
	}
}

func TestTheCallersOwnWordsStay(t *testing.T) {
	t.Parallel()
	r := &Redactor{}
	r.Add("hunter1", "another-secret")
	for own, want := range map[string]string{
		`{"name":"hunter1"}`:           `no hunter1 and ***`,
		`{"name":"hunter2"}`:           `no *** and ***`,
		`{"hunter\u0031":1}`:           `no hunter1 and ***`,
		`{"q":"a%6eother-secret"}`:     `no *** and another-secret`,
		`{"a":"hunter1","b":"hunter"}`: `no hunter1 and ***`,
	} {
		if got := r.Sparing([]byte(own)).String("no hunter1 and another-secret"); got != want {
			t.Errorf("to the caller of %s: %s, want %s", own, got, want)
		}
	}
}

func TestAResultChangesOnlyWhereNoDataCouldBeMeant(t *testing.T) {
	t.Parallel()
	r := &Redactor{}
	r.Add("admin", "password", "12345678", "hunter2", "tok/a-b", "a-long-secret-with-words", "longpassphrase", "a-b")
	const (
		data   = `{"role":"admin","kind":"password","amount":12345678,"x":"a-b","name":"hunter2"}`
		echoed = `{"a":"tok\/a-b","b":"Bearer a-long-secret-with-words","c":"longpassphrase"}`
	)
	if got := string(r.Sparing().Result([]byte(data), true)); got != data {
		t.Errorf("data became %s", got)
	}
	if got := string(r.Sparing().Result([]byte(echoed), true)); got != `{"a":"***","b":"Bearer ***","c":"***"}` {
		t.Errorf("an echo became %s", got)
	}
	if got := string(r.Sparing([]byte(`["tok/a-b"]`)).Result([]byte("tok/a-b longpassphrase"), false)); got != "tok/a-b ***" {
		t.Errorf("a text became %s", got)
	}
}

func FuzzRedactedJSON(f *testing.F) {
	f.Add(`{"a":"tok\/abc","tok/abc":[1,"\u002b"]}`)
	f.Add(`"\ud800tok%2fabc"`)
	f.Add(`{"Zz":12345678,"\u0000":"746f6b2f616263"}`)
	f.Fuzz(func(t *testing.T, doc string) {
		r := &Redactor{}
		r.Add("tok/abc", "12345678")
		clean := r.JSON(json.RawMessage(doc))
		if strings.Contains(string(clean), "tok/abc") {
			t.Errorf("the secret is in %s", clean)
		}
		if json.Valid([]byte(doc)) && !json.Valid(clean) {
			t.Errorf("%s became %s, which is no JSON", doc, clean)
		}
		if jsontext.Value(doc).IsValid() && !jsontext.Value(clean).IsValid() && strings.Contains(string(clean), Redacted) {
			t.Errorf("%s became %s, in which names are equal", doc, clean)
		}
	})
}

// BenchmarkResultWithoutASecret is the cost that each call of an action pays.
func BenchmarkResultWithoutASecret(b *testing.B) {
	r := &Redactor{}
	r.Add("sk_test_1234567890abcdef", "whsec_1234567890abcdef")
	for _, size := range []int{300, 16 << 10} {
		text := `{"id":"pi_1","object":"payment_intent","amount":1000,"currency":"usd","list":[`
		for len(text) < size-20 {
			text += fmt.Sprintf(`{"n":%d,"t":"word"},`, len(text))
		}
		body := []byte(strings.TrimSuffix(text, ",") + "]}")
		b.Run(fmt.Sprintf("%dB", size), func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			for b.Loop() {
				r.Sparing().Result(body, true)
			}
		})
	}
}
