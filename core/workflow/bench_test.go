package workflow

import (
	"fmt"
	"strings"
	"testing"

	"github.com/backflow/backflow/sdk/value"
)

const benchSteps = `{"id":"three","steps":[
	{"id":"a","type":"vendor","action":"act","params":{"data":"{{input.data}}"}},
	{"id":"b","type":"vendor","action":"act","params":{"data":"{{input.data}}","previous":"{{steps.a.result.id}}"}},
	{"id":"c","type":"vendor","action":"act","params":{"data":"{{input.data}}","previous":"{{steps.b.result.id}}"}}]}`

const benchLanguage = `{"id":"all","steps":[
	{"id":"s","type":"set","values":{"n":"{{input.n}}"}},
	{"id":"w","type":"switch","cases":[{"when":"{{steps.s.result.n}} > 1","steps":[{"id":"sw","type":"set","values":{"x":1}}]}]},
	{"id":"p","type":"parallel","steps":[{"id":"p1","type":"vendor","action":"act"},{"id":"p2","type":"set","values":{"y":"{{input.data}}"}}]},
	{"id":"e","type":"foreach","items":"{{input.items}}","concurrency":4,"steps":[
		{"id":"c","type":"vendor","action":"act","params":{"item":"{{item}}","index":"{{index}}"}},
		{"id":"d","type":"set","values":{"of":"{{steps.c.result.id}}"}}]}],
	"output":{"all":"{{steps.e.result}}"}}`

// BenchmarkRun measures the decisions of a run, from its start to its end, with
// its journal entries written.
func BenchmarkRun(b *testing.B) {
	items := make([]string, 50)
	for i := range items {
		items[i] = fmt.Sprintf(`{"n":%d}`, i)
	}
	input := fmt.Sprintf(`{"n":2,"data":%q,"items":[%s]}`, strings.Repeat("x", 150), strings.Join(items, ","))
	for name, raw := range map[string]string{"three": benchSteps, "language": benchLanguage} {
		d, err := Parse([]byte(raw), InputRoots)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for range b.N {
				m := NewMachine(d, "run-1")
				run(b, m, Event{Type: EventStarted, At: noon, Roots: map[string]value.Doc{"input": document(input)}})
				for calls := m.Calls(); len(calls) > 0; calls = m.Calls() {
					run(b, m, m.Succeeded(calls[0].Path, document(`{"id":"thing_0000000000000001","object":"thing","status":"ready"}`), noon))
				}
				if m.Status() != RunSucceeded {
					b.Fatalf("the run is %s", m.Status())
				}
			}
		})
	}
	d, err := Parse([]byte(benchLanguage), InputRoots)
	if err != nil {
		b.Fatal(err)
	}
	var journal [][]byte
	m := NewMachine(d, "run-1")
	journal = append(journal, run(b, m, Event{Type: EventStarted, At: noon, Roots: map[string]value.Doc{"input": document(input)}}))
	for calls := m.Calls(); len(calls) > 0; calls = m.Calls() {
		journal = append(journal, run(b, m, m.Succeeded(calls[0].Path, document(`{"id":"thing_0000000000000001","object":"thing","status":"ready"}`), noon)))
	}
	b.Run("replay", func(b *testing.B) {
		b.ReportAllocs()
		for range b.N {
			m := NewMachine(d, "run-1")
			for _, entry := range journal {
				events, err := DecodeEntry(entry)
				if err != nil {
					b.Fatal(err)
				}
				for _, event := range events {
					if err := m.Apply(event); err != nil {
						b.Fatal(err)
					}
				}
			}
		}
	})
}

// run applies an event with all that follows, and returns the journal entry.
func run(b *testing.B, m *Machine, event Event) []byte {
	b.Helper()
	if err := m.Apply(event); err != nil {
		b.Fatal(err)
	}
	events, _, err := m.Advance(noon, everything())
	if err != nil {
		b.Fatal(err)
	}
	return EncodeEntry(append([]Event{event}, events...))
}
