package signature

import (
	"encoding/hex"
	"errors"
	"strings"
	"testing"
	"time"
)

const (
	secret = "whsec_new"
	old    = "whsec_old"
)

var (
	now  = time.Unix(1_700_000_000, 0).UTC()
	body = []byte(`{"id":"evt_1","type":"payment_intent.succeeded"}`)
)

func v1(secret string, at time.Time) string {
	_, signature, _ := strings.Cut(Sign(body, secret, at), ",v1=")
	return signature
}

func TestGenuineSignaturesAreAccepted(t *testing.T) {
	t.Parallel()
	other := strings.Repeat("0", 64)
	for name, test := range map[string]struct {
		header  string
		secrets []string
	}{
		"made by Sign":                      {Sign(body, secret, now), []string{secret}},
		"the old secret during rotation":    {Sign(body, old, now), []string{secret, old}},
		"one of several v1":                 {"t=1700000000,v1=" + other + ",v1=" + v1(secret, now), []string{secret}},
		"another scheme beside it":          {"t=1700000000,v0=zz,v1=" + v1(secret, now), []string{secret}},
		"upper-case hexadecimal":            {"t=1700000000,v1=" + strings.ToUpper(v1(secret, now)), []string{secret}},
		"a v1 that is not hex before it":    {"t=1700000000,v1=" + strings.Repeat("z", 64) + ",v1=" + v1(secret, now), []string{secret}},
		"a v1 that is not hex behind it":    {"t=1700000000,v1=" + v1(secret, now) + ",v1=not+hex/at==all", []string{secret}},
		"an empty v1 beside it":             {"t=1700000000,v1=,v1=" + v1(secret, now), []string{secret}},
		"a v1 with spaces beside it":        {"t=1700000000,v1= " + v1(old, now) + " ,v1=" + v1(secret, now), []string{secret}},
		"a short and a long v1 beside it":   {"t=1700000000,v1=abcd,v1=" + v1(old, now) + "ab,v1=" + v1(secret, now), []string{secret}},
		"the same v1 twice":                 {"t=1700000000,v1=" + v1(secret, now) + ",v1=" + v1(secret, now), []string{secret}},
		"twenty v1 that are not hex":        {"t=1700000000" + strings.Repeat(",v1=x", 20) + ",v1=" + v1(secret, now), []string{secret}},
		"parts that are no pair":            {",t=1700000000,v1,,x,v1=" + v1(secret, now) + ",", []string{secret}},
		"schemes of later times":            {"t=1700000000,v2=" + v1(old, now) + ",V1=zz,v10=zz,v1=" + v1(secret, now), []string{secret}},
		"the time given twice":              {"t=1700000000,t=1700000000,v1=" + v1(secret, now), []string{secret}},
		"the last of two times":             {"t=1600000000,t=1700000000,v1=" + v1(secret, now), []string{secret}},
		"a space after the comma":           {"t=1700000000, v1=" + v1(secret, now), []string{secret}},
		"as old as tolerated":               {Sign(body, secret, now.Add(-300*time.Second)), []string{secret}},
		"as far in the future as tolerated": {Sign(body, secret, now.Add(300*time.Second)), []string{secret}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := Verify(test.header, body, test.secrets, now, 300*time.Second); err != nil {
				t.Error(err)
			}
		})
	}
}

// The vector is computed apart from this package:
// printf '1700000000.{}' | openssl dgst -sha256 -hmac whsec_vector
func TestVectorOfAnotherImplementation(t *testing.T) {
	t.Parallel()
	const header = "t=1700000000,v1=1f8abe454aaf2153a9ae950a6602cbee309c717fb69ac06067bcf0e2ee2f359d"
	if err := Verify(header, []byte("{}"), []string{"whsec_vector"}, now, time.Minute); err != nil {
		t.Error(err)
	}
}

func TestAnythingElseIsRefusedWithItsReason(t *testing.T) {
	t.Parallel()
	good := v1(secret, now)
	for name, test := range map[string]struct{ header, reason string }{
		"no header":                         {"", "no Stripe-Signature header"},
		"another secret":                    {Sign(body, "whsec_other", now), "no v1 signature"},
		"an empty secret":                   {Sign(body, "", now), "no v1 signature"},
		"another body":                      {Sign([]byte(`{}`), secret, now), "no v1 signature"},
		"another time than signed":          {"t=1700000001,v1=" + good, "no v1 signature"},
		"only the scheme v0":                {"t=1700000000,v0=" + good, "has no v1 signature"},
		"no time":                           {"v1=" + good, "no timestamp"},
		"no signature":                      {"t=1700000000", "has no v1 signature"},
		"two times, the first one signed":   {"t=1700000000,t=1600000000,v1=" + good, "no v1 signature"},
		"a time with junk behind it":        {"t=1700000000s,v1=" + good, "not a number of seconds"},
		"a time with a space":               {"t= 1700000000,v1=" + good, "not a number of seconds"},
		"an empty time":                     {"t=,v1=" + good, "not a number of seconds"},
		"a negative time":                   {"t=-1700000000,v1=" + good, "not a number of seconds"},
		"a time beyond any clock":           {"t=99999999999999999999,v1=" + good, "not a number of seconds"},
		"a time in words":                   {"t=now,v1=" + good, "not a number of seconds"},
		"a time with a sign":                {"t=+170000000,v1=" + good, "not a number of seconds"},
		"a signature that is not hex":       {"t=1700000000,v1=" + strings.Repeat("z", 64), "no v1 signature of 64 hexadecimal digits"},
		"a short signature":                 {"t=1700000000,v1=abcd", "no v1 signature of 64 hexadecimal digits"},
		"a part without a value":            {"t=1700000000,v1", "no v1 signature"},
		"an empty v1":                       {"t=1700000000,v1=", "no v1 signature of 64 hexadecimal digits"},
		"too long":                          {"t=1700000000,v1=" + good + strings.Repeat(",v0=x", 1000), "longer than 4096 bytes"},
		"too many signatures":               {"t=1700000000" + strings.Repeat(",v1="+good, 17), "more than 16 signatures"},
		"too old by a second":               {Sign(body, secret, now.Add(-301*time.Second)), "too old"},
		"too far in the future by a second": {Sign(body, secret, now.Add(301*time.Second)), "from the future"},
		"far in the future":                 {Sign(body, secret, time.Unix(999_999_999_999, 0)), "from the future"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := Verify(test.header, body, []string{secret}, now, 300*time.Second)
			var refusal *Refusal
			if !errors.As(err, &refusal) {
				t.Fatalf("got %v, want a refusal", err)
			}
			if !strings.Contains(refusal.Reason, test.reason) {
				t.Errorf("reason %q, want …%s…", refusal.Reason, test.reason)
			}
			for _, hidden := range []string{secret, good, "whsec_"} {
				if strings.Contains(refusal.Reason, hidden) {
					t.Errorf("the reason gives %q away: %s", hidden, refusal.Reason)
				}
			}
		})
	}
}

func TestEmptySecretsAreNeverUsed(t *testing.T) {
	t.Parallel()
	for name, secrets := range map[string][]string{
		"none":              nil,
		"an empty one":      {""},
		"white space":       {" \n"},
		"one beside a real": {secret, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := Verify(Sign(body, "", now), body, secrets, now, time.Minute)
			if !errors.Is(err, ErrNoSecret) {
				t.Errorf("got %v, want %v", err, ErrNoSecret)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"", "t=1,v1=" + strings.Repeat("0", 64), "t=1,t=2", "t=1,v1=", ",,,", "=,=", "t==1", "v0=1,t=9223372036854775807",
		Sign(body, secret, now), "t=1700000000,v1=not hex,v1=" + strings.Repeat("0", 64), "v1,t=1,t=2,v1=" + strings.Repeat("f", 64),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		h, err := parse(text)
		if err != nil {
			var refusal *Refusal
			if !errors.As(err, &refusal) {
				t.Fatalf("%T is no refusal", err)
			}
			return
		}
		if h.unix < 0 || len(h.signatures) == 0 || !strings.Contains(text, h.timestamp) {
			t.Fatalf("read %q as %+v", text, h)
		}
		for _, signature := range h.signatures {
			if !strings.Contains(strings.ToLower(text), hex.EncodeToString(signature)) {
				t.Fatalf("%x is not in %q", signature, text)
			}
		}
		if err := Verify(text, body, []string{"a secret that nobody signed with"}, time.Unix(h.unix, 0), 0); err == nil {
			t.Fatalf("took %q", text)
		}
	})
}
