package form

import (
	"bytes"
	"encoding/json"
	"errors"
	"math/big"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/stripe/stripe-mock/param"
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
		"not an object":                      {`[1]`, "", "not a JSON object"},
		"not JSON":                           {`{"a":}`, "/a", "not valid JSON"},
		"two values":                         {`{} {}`, "", "more than one JSON value"},
		"a name twice":                       {`{"a":1,"a":2}`, "/a", "twice"},
		"a name twice, deeper":               {`{"m":{"a":1,"a":2}}`, "/m/a", "twice"},
		"an empty object in a list":          {`{"items":[{"a":1},{}]}`, "/items/1", "empty object in a list"},
		"an object without fields in a list": {`{"items":[{"a":{}}]}`, "/items/0", "empty object in a list"},
		"an empty list in a list":            {`{"items":["a",[ ]]}`, "/items/1", "empty list in a list"},
		"brackets in a name":                 {`{"metadata":{"x][y":"v"}}`, "/metadata/x][y", "square brackets"},
		"an object in metadata":              {`{"metadata":{"a":{"b":"c"}}}`, "/metadata/a", "must be a text"},
		"a list in metadata":                 {`{"x":[{"metadata":{"a":["b"]}}]}`, "/x/0/metadata/a", "must be a text"},
		"a name twice in metadata":           {`{"metadata":{"a":1,"a":2}}`, "/metadata/a", "twice"},
		"an empty name":                      {`{"metadata":{"":"v"}}`, "/metadata/", "empty"},
		"a name with a slash":                {`{"m":{"a/b~":{"[":1}}}`, "/m/a~1b~0/[", "square brackets"},
		"an exponent beyond bound":           {`{"a":1e1000000000}`, "/a", "out of range"},
		"an exponent beyond int":             {`{"a":1e99999999999999999999}`, "/a", "out of range"},
		"too deep":                           {`{"a":` + strings.Repeat(`[`, 40) + strings.Repeat(`]`, 40) + `}`, "/a" + strings.Repeat("/0", 32), "deep"},
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

// meant is what a server should read of a value: objects, with those of a list by their
// index, and texts. It is nil for what is not sent.
func meant(t *testing.T, v any, inMetadata bool) any {
	t.Helper()
	object := map[string]any{}
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case bool:
		return strconv.FormatBool(v)
	case json.Number:
		if inMetadata {
			return v.String()
		}
		plain, err := plain(v.String())
		if err != nil {
			t.Fatal(err)
		}
		return plain
	case []any:
		if len(v) == 0 {
			return ""
		}
		for i, item := range v {
			object[strconv.Itoa(i)] = meant(t, item, false)
		}
	case map[string]any:
		for name, member := range v {
			_, isObject := member.(map[string]any)
			if !isObject {
				object[name] = meant(t, member, inMetadata)
			} else if inner := meant(t, member, name == metadata); inner != nil {
				object[name] = inner
			}
		}
	}
	if len(object) == 0 {
		return nil
	}
	return object
}

// checkRead has Stripe's mock read the fields as it reads those of a request, in a
// query, a form and a multipart body, and compares with what is meant.
func checkRead(t *testing.T, raw []byte, fields []Field) {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var given any
	if err := decoder.Decode(&given); err != nil {
		t.Fatalf("%q: %v", raw, err)
	}
	want, _ := meant(t, given, false).(map[string]any)
	if want == nil {
		want = map[string]any{}
	}
	encoded := Encode(fields)
	contentType, parts, err := Multipart(fields, nil)
	controls := slices.ContainsFunc(fields, func(f Field) bool { return strings.ContainsFunc(f.Name, unicode.IsControl) })
	if controls != (err != nil) {
		t.Fatalf("%q: %v", raw, err)
	}
	query, err := http.NewRequest(http.MethodGet, "http://x/?"+string(encoded), nil)
	if err != nil {
		t.Fatalf("%q: %v", raw, err)
	}
	body := func(contentType string, content []byte) *http.Request {
		request, err := http.NewRequest(http.MethodPost, "http://x/", bytes.NewReader(content))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", contentType)
		return request
	}
	for name, request := range map[string]*http.Request{
		"query": query, "form": body("application/x-www-form-urlencoded", encoded), "multipart": body(contentType, parts),
	} {
		if name == "multipart" && controls {
			continue
		}
		got, err := param.ParseParams(request)
		if err != nil {
			t.Fatalf("%s: %q was sent as %q: %v", name, raw, encoded, err)
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("%s: %q was sent as %q: what was meant (-) and what is read (+):\n%s", name, raw, encoded, diff)
		}
	}
}

func TestWhatIsSentIsReadAsItWasMeant(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{
		`{}`, `{"a":{}}`, `{"a":[]}`, `{"a":null,"b":""}`, `{"amount":1e6,"price":19.990,"x":-0.0}`,
		`{"items":[{"price":"p","tax_rates":["a","b"],"metadata":{"n":1e6}},{"price":"q","price_data":{"recurring":{"interval":"month"}}}]}`,
		`{"created":{"gte":1,"lt":2},"expand":["data.customer","data.invoice"]}`,
		`{"metadata":{"a b":"x&customer=cus_evil","é":"日本","%5B":"%5D","+":"+","=":"=","&":"&","#":"#","\n":"\r\n","a.b":";","0":"1"}}`,
		`{"a&b=c":{"d%5Be":["[]","[0]",""]}}`, `{"a":[["x"],["y","z"]]}`, `{"a":[null,""]}`,
		`{"a":"\u0000\ud83d\ude00\u2028"}`,
	} {
		params, err := Parse([]byte(raw))
		if err != nil {
			t.Fatal(err)
		}
		fields, err := params.Encode()
		if err != nil {
			t.Fatal(err)
		}
		checkRead(t, []byte(raw), fields)
	}
}

func FuzzEncode(f *testing.F) {
	for _, seed := range []string{
		`{}`, `{"a":1}`, `{"a":{"b":[1,{"c":null}]}}`, `{"a":1e6,"b":-0.0e-3}`, `{"a":"\ud83d\ude00"}`,
		`{"a":[[[[]]]]}`, `{"a":1,"a":2}`, `[]`, `{"a":"\ud800"}`, `{"m":{"x][y":"1"}}`, `{"a":1E400}`,
		`{"metadata":{"a":1e400,"b":true}}`, `{"x":[{"metadata":{"metadata":{}}}]}`,
		`{"a&b=c;d":{"%5B":["+ ","\r\n"]}}`, `{"metadata":{"metadata":"x"},"a":[{},[]]}`, "{\"\x7f\":0}",
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
		if fields, err := params.Encode(); err == nil {
			checkRead(t, raw, fields)
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

func BenchmarkEncode(b *testing.B) {
	raw := []byte(`{"amount":2000,"currency":"usd","customer":"cus_9s6XKzkNRiz8i3","description":"Order 6735: 2 shirts, 1 pair of shoes, gift wrapped",` +
		`"receipt_email":"jenny.rosen@example.com","automatic_payment_methods":{"enabled":true},"metadata":{"order_id":"6735","shop":"amsterdam-1"}}`)
	b.ReportAllocs()
	for b.Loop() {
		params, err := Parse(raw)
		if err != nil {
			b.Fatal(err)
		}
		fields, err := params.Encode()
		if err != nil {
			b.Fatal(err)
		}
		Encode(fields)
	}
}
