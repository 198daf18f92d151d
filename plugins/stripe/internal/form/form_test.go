package form

import (
	"encoding/json"
	"errors"
	"math/big"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func encode(t *testing.T, raw string) (string, error) {
	t.Helper()
	params, err := Parse([]byte(raw))
	if err != nil {
		return "", err
	}
	fields, err := params.Encode()
	if err != nil {
		return "", err
	}
	parts := make([]string, len(fields))
	for i, field := range fields {
		parts[i] = field.Name + "=" + field.Value
	}
	return strings.Join(parts, "&"), nil
}

func TestEncode(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ in, want string }{
		"an integer keeps its digits":             {`{"amount":1000000}`, "amount=1000000"},
		"a 64-bit integer keeps its digits":       {`{"n":12345678901234567890}`, "n=12345678901234567890"},
		"a decimal keeps its digits":              {`{"n":19.990}`, "n=19.990"},
		"an exponent is written out":              {`{"a":1e6,"b":1E+2,"c":2.5e-1,"d":1.50e1,"e":-1.25e3}`, "a=1000000&b=100&c=0.25&d=15&e=-1250"},
		"a fraction of zeros is dropped":          {`{"a":20.0,"b":-0.00,"c":0}`, "a=20&b=-0&c=0"},
		"booleans are words":                      {`{"a":true,"b":false}`, "a=true&b=false"},
		"null unsets":                             {`{"a":null,"b":{"c":null}}`, "a=&b[c]="},
		"an empty string stays":                   {`{"a":""}`, "a="},
		"an empty array unsets":                   {`{"a":[]}`, "a="},
		"an empty object has no fields":           {`{"a":{}}`, ""},
		"objects nest in brackets":                {`{"a":{"b":{"c":"d"}}}`, "a[b][c]=d"},
		"arrays count from 0":                     {`{"items":[{"price":"p","quantity":2},{"price":"q"}]}`, "items[0][price]=p&items[0][quantity]=2&items[1][price]=q"},
		"scalars in arrays":                       {`{"expand":["customer","latest_invoice"]}`, "expand[0]=customer&expand[1]=latest_invoice"},
		"the order is the caller's":               {`{"z":1,"a":2}`, "z=1&a=2"},
		"escapes in strings and names are undone": {`{"a":"\u00e9\n\"","m":{"k\u002f":"v"}}`, "a=é\n\"&m[k/]=v"},
		"metadata keeps its numbers as written":   {`{"metadata":{"a":1e6,"b":20.0,"c":-1.50,"d":true,"e":null,"f":1e999}}`, "metadata[a]=1e6&metadata[b]=20.0&metadata[c]=-1.50&metadata[d]=true&metadata[e]=&metadata[f]=1e999"},
		"metadata within a parameter too":         {`{"items":[{"metadata":{"a":1.0}}],"x":{"metadata":{"metadata":2e1}}}`, "items[0][metadata][a]=1.0&x[metadata][metadata]=2e1"},
		"metadata that is unset":                  {`{"metadata":"","x":{"metadata":null}}`, "metadata=&x[metadata]="},
		"a metadata value is never re-read":       {`{"metadata":{"a":"x&customer=cus_evil","b":"[c]=d"}}`, "metadata[a]=x&customer=cus_evil&metadata[b]=[c]=d"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := encode(t, test.in)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestWhatCannotBeEncodedIsAFaultWithItsPlace(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ in, pointer, message string }{
		"not an object":            {`[1]`, "", "not a JSON object"},
		"not JSON":                 {`{"a":}`, "/a", "not valid JSON"},
		"two values":               {`{} {}`, "", "more than one JSON value"},
		"a name twice":             {`{"a":1,"a":2}`, "/a", "twice"},
		"a name twice, deeper":     {`{"m":{"a":1,"a":2}}`, "/m/a", "twice"},
		"brackets in a name":       {`{"metadata":{"x][y":"v"}}`, "/metadata/x][y", "square brackets"},
		"an object in metadata":    {`{"metadata":{"a":{"b":"c"}}}`, "/metadata/a", "must be a text"},
		"a list in metadata":       {`{"x":[{"metadata":{"a":["b"]}}]}`, "/x/0/metadata/a", "must be a text"},
		"a name twice in metadata": {`{"metadata":{"a":1,"a":2}}`, "/metadata/a", "twice"},
		"an empty name":            {`{"metadata":{"":"v"}}`, "/metadata/", "empty"},
		"a name with a slash":      {`{"m":{"a/b~":{"[":1}}}`, "/m/a~1b~0/[", "square brackets"},
		"an exponent beyond bound": {`{"a":1e1000000000}`, "/a", "out of range"},
		"an exponent beyond int":   {`{"a":1e99999999999999999999}`, "/a", "out of range"},
		"too deep":                 {`{"a":` + strings.Repeat(`[`, 40) + strings.Repeat(`]`, 40) + `}`, "/a" + strings.Repeat("/0", 32), "deep"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := encode(t, test.in)
			var fault *Fault
			if !errors.As(err, &fault) {
				t.Fatalf("got %v, want a fault", err)
			}
			if fault.Pointer != test.pointer || !strings.Contains(fault.Message, test.message) {
				t.Errorf("got %q: %q, want %q: …%s…", fault.Pointer, fault.Message, test.pointer, test.message)
			}
		})
	}
}

func TestTakeRemovesAndSetAdds(t *testing.T) {
	t.Parallel()
	params, err := Parse([]byte(`{"a":1,"priceId":"price_1","b":2}`))
	if err != nil {
		t.Fatal(err)
	}
	if got := string(params.Take("priceId")); got != `"price_1"` {
		t.Errorf("took %s", got)
	}
	if got := params.Take("priceId"); got != nil {
		t.Errorf("took %s a second time", got)
	}
	params.Set("items", json.RawMessage(`[{"price":"price_1"}]`))
	fields, err := params.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]Field{{"a", "1"}, {"b", "2"}, {"items[0][price]", "price_1"}}, fields); diff != "" {
		t.Error(diff)
	}
}

func FuzzEncode(f *testing.F) {
	for _, seed := range []string{
		`{}`, `{"a":1}`, `{"a":{"b":[1,{"c":null}]}}`, `{"a":1e6,"b":-0.0e-3}`, `{"a":"\ud83d\ude00"}`,
		`{"a":[[[[]]]]}`, `{"a":1,"a":2}`, `[]`, `{"a":"\ud800"}`, `{"m":{"x][y":"1"}}`, `{"a":1E400}`,
		`{"metadata":{"a":1e400,"b":true}}`, `{"x":[{"metadata":{"metadata":{}}}]}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		params, err := Parse(raw)
		if err != nil {
			return
		}
		if !json.Valid(raw) {
			t.Fatalf("took what is not JSON: %q", raw)
		}
		fields, err := params.Encode()
		if err != nil {
			return
		}
		for _, field := range fields {
			// What is written must be read back as one field of the same name.
			values, err := url.ParseQuery(url.QueryEscape(field.Name) + "=" + url.QueryEscape(field.Value))
			if err != nil || len(values) != 1 || values.Get(field.Name) != field.Value {
				t.Fatalf("%q=%q is read back as %v, %v", field.Name, field.Value, values, err)
			}
		}
	})
}

func FuzzPlainNumber(f *testing.F) {
	for _, seed := range []string{"0", "-0.0", "1e6", "12345678901234567890", "19.990", "2.5E-3", "0.001e2", "100e-2"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, number string) {
		if !json.Valid([]byte(number)) || (number[0] != '-' && (number[0] < '0' || number[0] > '9')) || strings.TrimSpace(number) != number {
			return
		}
		got, err := plain(number)
		if err != nil {
			return
		}
		want, ok := new(big.Rat).SetString(number)
		if !ok {
			t.Fatalf("%q is no number", number)
		}
		value, ok := new(big.Rat).SetString(got)
		if !ok || value.Cmp(want) != 0 || strings.ContainsAny(got, "eE") {
			t.Errorf("%s became %s", number, got)
		}
	})
}
