package abi

import (
	"bytes"
	"testing"
)

func TestFieldsComeBackAsTheyWereWritten(t *testing.T) {
	frame := Begin(nil, Execute)
	frame = Append(frame, Action, "greet")
	frame = AppendNumber(frame, Timeout, -5)
	frame = AppendPair(frame, Header, "X-A", ':', "b:c")
	frame = Append(frame, Body, []byte(`{"a":1}`))
	parsed, err := Parse(frame)
	if err != nil || parsed.Kind != Execute {
		t.Fatalf("got %v, %v", parsed.Kind, err)
	}
	var tags []Tag
	for tag, content := range parsed.Fields() {
		tags = append(tags, tag)
		switch tag {
		case Action:
			if string(content) != "greet" {
				t.Errorf("action %q", content)
			}
		case Timeout:
			if Number(content) != -5 {
				t.Errorf("timeout %d", Number(content))
			}
		case Header:
			if string(content) != "X-A:b:c" {
				t.Errorf("header %q", content)
			}
		case Body:
			if string(content) != `{"a":1}` {
				t.Errorf("body %q", content)
			}
		}
	}
	if !bytes.Equal([]byte{byte(Action), byte(Timeout), byte(Header), byte(Body)}, []byte{byte(tags[0]), byte(tags[1]), byte(tags[2]), byte(tags[3])}) {
		t.Errorf("tags %v", tags)
	}
}

func TestTornFramesAreRefused(t *testing.T) {
	whole := Append(Append(Begin(nil, OK), ContentType, "text/plain"), Body, "hello")
	for size := range len(whole) {
		_, err := Parse(whole[:size])
		// A frame may end after its kind and after each of its fields.
		if fine := size == 1 || size == 1+5+len("text/plain"); (err == nil) != fine {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
}

func TestNumberOfAnotherLengthIsZero(t *testing.T) {
	if n := Number([]byte{1, 2, 3}); n != 0 {
		t.Errorf("got %d", n)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{byte(OK)})
	f.Add(Append(Begin(nil, Execute), Body, "{}"))
	f.Add([]byte{byte(OK), byte(Body), 255, 255, 255, 255})
	f.Fuzz(func(t *testing.T, data []byte) {
		frame, err := Parse(data)
		if err != nil {
			return
		}
		again := Begin(nil, frame.Kind)
		for tag, content := range frame.Fields() {
			again = Append(again, tag, content)
		}
		if !bytes.Equal(again, data) {
			t.Errorf("%x became %x", data, again)
		}
	})
}
