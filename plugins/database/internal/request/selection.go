package request

import "github.com/backflow/backflow/plugins/database/internal/driver"

// Selection is which rows an action is about: those that the filters find, or the one
// that the key names.
type Selection struct {
	// Filters is not empty where Key is nil.
	Filters []Filter
	Key     *Key
}

// Key is the primary key of a row.
type Key struct {
	// At is the pointer to it.
	At string
	// Text is as in the path of a URL: the value, or, where the primary key has several
	// columns, a value for each, in the order of the key, with commas between them.
	Text string
}

func (s *Selection) readFilters(p place) { s.Filters = p.filters() }
func (s *Selection) readKey(p place)     { s.Key = p.key() }

// selection refuses params of an action that select rows in neither of the ways, or in
// both.
func selection(action string) func(place, map[string]driver.JSON) {
	return func(p place, given map[string]driver.JSON) {
		_, filters := given["filters"]
		_, key := given["key"]
		switch {
		case filters && key:
			p.below("key", nil).fault("must not be given beside filters")
		case !filters && !key:
			p.fault("%s needs filters, or the key of one row", action)
		}
	}
}

// key reads the key of a row.
func (p place) key() *Key {
	switch p.json.Kind() {
	case '"':
		text := p.text()
		if text == "" {
			p.fault("must not be empty")
		}
		return &Key{At: p.at, Text: text}
	case '0', 't', 'f':
		return &Key{At: p.at, Text: string(p.json)}
	}
	p.fault("must be a string, a number, true or false")
	return nil
}
