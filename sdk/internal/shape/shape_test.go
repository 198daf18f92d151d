package shape

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"
)

type address struct {
	City string  `json:"city" description:"The town, from a tag."`
	Zip  *string `json:"zip"`
}

// TypeDoc is what sdk/cmd/typedoc writes.
func (address) TypeDoc() (string, map[string]string) {
	return "Where somebody lives.", map[string]string{"City": "Loses to the tag.", "Zip": "Zip is the code of the post."}
}

type embedded struct {
	Note string `json:"note,omitempty"`
}

type everything struct {
	embedded
	Name     string            `json:"name" minLength:"1" maxLength:"20" pattern:"^[A-Z]" examples:"Ada,Grace"`
	Currency string            `json:"currency" enum:"eur,usd" default:"eur"`
	Amount   int64             `json:"amount" minimum:"1"`
	Small    int8              `json:"small,omitempty"`
	Count    uint              `json:"count" default:"10" maximum:"100"`
	Ratio    float64           `json:"ratio,omitempty" exclusiveMinimum:"0"`
	Exact    json.Number       `json:"exact,omitempty" multipleOf:"0.01"`
	Flag     bool              `json:"flag" default:"true"`
	Tags     []string          `json:"tags,omitempty" enum:"a,b" minItems:"1" maxItems:"3"`
	Prices   map[string]int    `json:"prices,omitempty" minimum:"1"`
	Address  address           `json:"address"`
	Friends  []address         `json:"friends,omitzero"`
	At       time.Time         `json:"at,omitzero"`
	Every    time.Duration     `json:"every" default:"1m30s"`
	Data     []byte            `json:"data,omitempty"`
	Host     netip.Addr        `json:"host,omitzero"`
	Any      json.RawMessage   `json:"any"`
	Labels   map[string]string `json:"labels,omitempty"`
	Secret   string            `json:"secret,omitempty" secret:"true" format:"uuid"`
	Left     string            `json:"-"`
}

func of[T any](t testing.TB) *Shape {
	t.Helper()
	s, err := Of(reflect.TypeFor[T]())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func indent(t testing.TB, raw []byte) string {
	t.Helper()
	var b bytes.Buffer
	if err := json.Indent(&b, raw, "", " "); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestSchemaSaysWhatTypeAndTagsSay(t *testing.T) {
	const address = `{"type":"object","description":"Where somebody lives.","properties":{"city":{"type":"string","description":"The town, from a tag."},"zip":{"type":ZIP,"description":"Zip is the code of the post."}},"required":[REQUIRED]}`
	given := strings.NewReplacer("ZIP", `"string"`, "REQUIRED]", `"city"],"additionalProperties":false`).Replace(address)
	answered := strings.NewReplacer("ZIP", `["string","null"]`, "REQUIRED", `"city","zip"`).Replace(address)
	properties := func(address string) string {
		return `{"type":"object","properties":{
			"note":{"type":"string"},
			"name":{"type":"string","examples":["Ada","Grace"],"minLength":1,"maxLength":20,"pattern":"^[A-Z]"},
			"currency":{"type":"string","enum":["eur","usd"],"default":"eur"},
			"amount":{"type":"integer","minimum":1},
			"small":{"type":"integer","minimum":-128,"maximum":127},
			"count":{"type":"integer","minimum":0,"maximum":100,"default":10},
			"ratio":{"type":"number","exclusiveMinimum":0},
			"exact":{"type":"number","multipleOf":0.01},
			"flag":{"type":"boolean","default":true},
			"tags":{"type":"array","minItems":1,"maxItems":3,"items":{"type":"string","enum":["a","b"]}},
			"prices":{"type":"object","additionalProperties":{"type":"integer","minimum":1}},
			"address":` + address + `,
			"friends":{"type":"array","items":` + address + `},
			"at":{"type":"string","format":"date-time"},
			"every":{"type":"string","pattern":` + string(AppendString(nil, durationPattern)) + `,"default":"1m30s"},
			"data":{"type":"string","contentEncoding":"base64"},
			"host":{"type":"string"},
			"any":{},
			"labels":{"type":"object","additionalProperties":{"type":"string"}},
			"secret":{"type":"string","writeOnly":true,"format":"uuid"}},`
	}
	cases := map[Use]string{
		Input:  properties(given) + `"required":["name","amount","address","any"],"additionalProperties":false}`,
		Output: properties(answered) + `"required":["name","currency","amount","count","flag","address","every","any"]}`,
	}
	for use, want := range cases {
		got, err := of[everything](t).Schema(use)
		if err != nil {
			t.Fatal(err)
		}
		if indent(t, got) != indent(t, []byte(want)) {
			t.Errorf("use %d: got\n%s\nwant\n%s", use, indent(t, got), indent(t, []byte(want)))
		}
	}
}

type endless struct {
	Next *endless `json:"next"`
}

type halfText struct{}

func (halfText) MarshalText() ([]byte, error) { return nil, nil }

type ownJSON struct{}

func (ownJSON) MarshalJSON() ([]byte, error) { return []byte("1"), nil }

func TestTypesThatHaveNoSchemaAreNamedWithTheirPlace(t *testing.T) {
	for want, value := range map[string]any{
		".Any[]: interface {} can be anything: json.RawMessage": (*struct {
			Any []any `json:"any"`
		})(nil),
		".F: func() has no JSON":                                (*struct{ F func() })(nil),
		".C: chan int has no JSON":                              (*struct{ C chan int })(nil),
		".M: the keys of a map are names, and int is no string": (*struct{ M map[int]string })(nil),
		".Next: shape.endless contains itself":                  (*endless)(nil),
		".P: a pointer to a pointer":                            (*struct{ P **int })(nil),
		`.Note: "note" is there twice`: (*struct {
			embedded
			Note string `json:"note"`
		})(nil),
		`the option "string" of a json tag`: (*struct {
			A int `json:"a,string"`
		})(nil),
		"only a struct can be, by value":                    (*struct{ *Shape })(nil),
		"shape.halfText has text of its own: it needs both": (*struct{ H halfText })(nil),
		"shape.ownJSON has JSON of its own: it needs":       (*struct{ O ownJSON })(nil),
		`default "x": a number is needed`: (*struct {
			A int `default:"x"`
		})(nil),
		`default "300": is out of range`: (*struct {
			A int8 `default:"300"`
		})(nil),
		"which a default never lets happen": (*struct {
			A *int `default:"3"`
		})(nil),
		`default "a": a tag cannot write a value of []string`: (*struct {
			A []string `default:"a"`
		})(nil),
	} {
		_, err := Of(reflect.TypeOf(value).Elem())
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

func TestTagsThatSayNothingAreNamedWithTheirPlace(t *testing.T) {
	for want, value := range map[string]any{
		".A: the tag minLength says nothing of a value of int": (*struct {
			A int `minLength:"1"`
		})(nil),
		".A: the tag minlength is written minLength": (*struct {
			A string `minlength:"1"`
		})(nil),
		`the tag minLength: "-1" is not the number`: (*struct {
			A string `minLength:"-1"`
		})(nil),
		`the tag maximum: "many" is not the number`: (*struct {
			A int `maximum:"many"`
		})(nil),
		`the tag enum: "x": a number is needed`: (*struct {
			A int `enum:"1,x"`
		})(nil),
		`the tag secret is "true" or not there`: (*struct {
			A string `secret:"yes"`
		})(nil),
		"the tag enum says nothing of a value of shape.address": (*struct {
			A address `enum:"x"`
		})(nil),
		".A[]: the tag minimum says nothing of a value of string": (*struct {
			A []string `minimum:"1"`
		})(nil),
		"the tag minItems says nothing of a value of string": (*struct {
			A string `minItems:"1"`
		})(nil),
	} {
		s, err := Of(reflect.TypeOf(value).Elem())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Schema(Input); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

func TestValuesComeBackAsTheyWereWritten(t *testing.T) {
	s := of[everything](t)
	zip := "10115"
	value := everything{
		embedded: embedded{Note: "line\nbreak \"quoted\" \\ \x01 é 🎉"}, Name: "Ada", Currency: "usd", Amount: math.MinInt64, Small: -128,
		Count: math.MaxUint, Ratio: 1e-7, Exact: "1.10", Tags: []string{"a", "b", "a", "b", "a"}, Prices: map[string]int{"x": 1, "a": 2},
		Address: address{City: "Berlin", Zip: &zip}, Friends: []address{{City: "A"}, {City: "B"}}, At: time.Unix(1, 5).UTC(),
		Every: -time.Second, Data: []byte{0, 255}, Host: netip.MustParseAddr("::1"), Any: json.RawMessage(`[1, {"a":null}]`),
		Labels: map[string]string{"a/b": "c"}, Secret: "s",
	}
	written, err := s.Append(nil, reflect.ValueOf(value))
	if err != nil {
		t.Fatal(err)
	}
	var read everything
	if err := s.Decode(written, reflect.ValueOf(&read).Elem()); err != nil {
		t.Fatalf("%v\n%s", err, written)
	}
	if !reflect.DeepEqual(value, read) {
		t.Errorf("got %+v\nwant %+v", read, value)
	}
}

func TestDefaultsFillWhatIsLeftOut(t *testing.T) {
	s := of[struct {
		Outer everything   `json:"outer"`
		List  []everything `json:"list,omitempty"`
	}](t)
	params := `{"outer":{"name":"A","amount":1,"address":{"city":"X"},"any":1},"list":[{"count":0,"name":"A","amount":1,"address":{"city":"X"},"any":1}]}`
	v := reflect.New(s.typ).Elem()
	if err := s.Decode([]byte(params), v); err != nil {
		t.Fatal(err)
	}
	outer, listed := v.Field(0).Interface().(everything), v.Field(1).Index(0).Interface().(everything)
	if outer.Currency != "eur" || outer.Count != 10 || !outer.Flag || outer.Every != 90*time.Second {
		t.Errorf("got %+v", outer)
	}
	if listed.Count != 0 || listed.Currency != "eur" {
		t.Errorf("got %+v", listed)
	}
	// Written as params, what is zero is left to the default again.
	written, err := of[everything](t).AppendInput(nil, reflect.ValueOf(everything{Name: "A"}))
	if err != nil || string(written) != `{"name":"A","amount":0,"address":{"city":""},"any":null}` {
		t.Errorf("got %s, %v", written, err)
	}
}

func TestNilSlicesAndMapsAreWrittenEmpty(t *testing.T) {
	type lists struct {
		A []int          `json:"a"`
		M map[string]int `json:"m"`
		P *int           `json:"p"`
	}
	written, err := of[lists](t).Append(nil, reflect.ValueOf(lists{}))
	if err != nil || string(written) != `{"a":[],"m":{},"p":null}` {
		t.Errorf("got %s, %v", written, err)
	}
}

func TestWhatIsNoJSONIsNotWritten(t *testing.T) {
	for _, value := range []any{
		struct{ A float64 }{math.NaN()}, struct{ A float64 }{math.Inf(1)},
		struct{ A json.RawMessage }{json.RawMessage(`{`)}, struct{ A json.Number }{"1,5"},
	} {
		s, err := Of(reflect.TypeOf(value))
		if err != nil {
			t.Fatal(err)
		}
		if written, err := s.Append(nil, reflect.ValueOf(value)); err == nil {
			t.Errorf("%v is written as %s", value, written)
		}
	}
	written, err := of[string](t).Append(nil, reflect.ValueOf("a\xffb"))
	if err != nil || string(written) != `"a`+"\uFFFD"+`b"` {
		t.Errorf("got %s, %v", written, err)
	}
}

type figures struct {
	I  int64       `json:"i,omitempty"`
	I8 int8        `json:"i8,omitempty"`
	U  uint64      `json:"u,omitempty"`
	N  json.Number `json:"n,omitempty"`
	S  string      `json:"s,omitempty"`
	L  []lineOf    `json:"l,omitempty"`
	B  bool        `json:"b,omitempty"`
}

type lineOf struct {
	X int `json:"x"`
}

func TestParamsAreReadExactlyOrRefusedWithTheirPlace(t *testing.T) {
	s := of[figures](t)
	for params, want := range map[string]string{
		`{"i":9223372036854775807}`:           `{"i":9223372036854775807}`,
		`{"i":-9223372036854775808}`:          `{"i":-9223372036854775808}`,
		`{"i":9223372036854775808}`:           "/i: is out of range",
		`{"i":1.0}`:                           `{"i":1}`,
		`{"i":12e2}`:                          `{"i":1200}`,
		`{"i":1.5}`:                           "/i: is no whole number, or too large a one",
		`{"i":-1.20e1}`:                       `{"i":-12}`,
		`{"i":1200e-2}`:                       `{"i":12}`,
		`{"i":1250e-2}`:                       "/i: is no whole number, or too large a one",
		`{"i":0.05e2}`:                        `{"i":5}`,
		`{"i":0.05e1}`:                        "/i: is no whole number, or too large a one",
		`{"i":1e-1}`:                          "/i: is no whole number, or too large a one",
		`{"i":1e99}`:                          "/i: is out of range",
		`{"i":1e999999999}`:                   "/i: is no whole number, or too large a one",
		`{"i":-0}`:                            `{}`,
		`{"i":01}`:                            "is not valid JSON",
		`{"i":"1"}`:                           "/i: is no number",
		`{"i":null}`:                          "/i: is null",
		`{"i8":128}`:                          "/i8: is out of range",
		`{"u":18446744073709551615}`:          `{"u":18446744073709551615}`,
		`{"u":-1}`:                            "/u: is out of range",
		`{"n":1.50e+400}`:                     `{"n":1.50e+400}`,
		`{"s":"\u00e9\ud83c\udf89\/"}`:        `{"s":"é🎉/"}`,
		`{"s":1}`:                             "/s: is no string",
		"{\"s\":\"\n\"}":                      "/s: is not valid JSON",
		`{"S":"x"}`:                           "/S: is not known",
		`{"s":"x","s":"x"}`:                   "/s: is there twice",
		`{"s":"x","\u0073":"x"}`:              "/s: is there twice",
		`{"l":[{"x":1},{"x":"2"}]}`:           "/l/1/x: is no number",
		`{"l":[{"a/b~":1}]}`:                  "/l/0/a~1b~0: is not known",
		`{"l":{}}`:                            "/l: is no array",
		`{"b":tru}`:                           "/b: is neither true nor false",
		" { \"b\" : true ,\n\"s\" : \"x\" } ": `{"s":"x","b":true}`,
		`{"b":true} x`:                        "is not valid JSON",
		`{"b":true,}`:                         "is not valid JSON",
		`[]`:                                  "is no object",
		``:                                    "is not valid JSON",
	} {
		var value figures
		err := s.Decode([]byte(params), reflect.ValueOf(&value).Elem())
		var got string
		if err != nil {
			got = err.Error()
			var m *Mismatch
			if !errors.As(err, &m) {
				t.Errorf("%s: %T", params, err)
			}
		} else {
			written, err := s.Append(nil, reflect.ValueOf(value))
			if err != nil {
				t.Fatal(err)
			}
			got = string(written)
		}
		if !strings.HasSuffix(got, want) {
			t.Errorf("%s: got %s, want %s", params, got, want)
		}
	}
}

func TestDeepNestingEnds(t *testing.T) {
	type raw struct {
		R json.RawMessage `json:"r"`
	}
	var value raw
	deep := `{"r":` + strings.Repeat("[", 1_000_000)
	if err := of[raw](t).Decode([]byte(deep), reflect.ValueOf(&value).Elem()); err == nil {
		t.Error("it is read")
	}
}

// FuzzDecode holds what is read to encoding/json: what is accepted is accepted
// there and means the same, and it can be written and read again.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		`{"i":1,"i8":-2,"u":3,"n":4.50,"s":"fünf \u0036","l":[{"x":7}],"b":true}`, `{"i":1e2}`, `{"l":[]}`, `{}`, `{"s":"\ud800"}`, ` {"b" : false} `,
	} {
		f.Add([]byte(seed))
	}
	s := of[figures](f)
	f.Fuzz(func(t *testing.T, data []byte) {
		var got, want figures
		if s.Decode(data, reflect.ValueOf(&got).Elem()) != nil {
			return
		}
		if !json.Valid(data) {
			t.Fatalf("%q is accepted", data)
		}
		written, err := s.Append(nil, reflect.ValueOf(got))
		if err != nil || !json.Valid(written) {
			t.Fatalf("%q is written as %q, %v", data, written, err)
		}
		// Whole numbers in another form are what encoding/json refuses, and text
		// that is no UTF-8 what it repairs.
		if json.Unmarshal(data, &want) == nil && bytes.Equal(bytes.ToValidUTF8(data, nil), data) && !reflect.DeepEqual(got, want) {
			t.Errorf("%q: got %+v, want %+v", data, got, want)
		}
		var again figures
		if err := s.Decode(written, reflect.ValueOf(&again).Elem()); err != nil {
			t.Errorf("%q, written as %q: %v", data, written, err)
		}
	})
}
