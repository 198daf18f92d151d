package redis

import (
	"strings"

	"github.com/backflow/backflow/core/state"
)

// keys names things in Redis. Every name begins with the prefix; a letter tells
// the kinds apart:
//
//	r:BUCKET:ID   record, a string with Redis's own expiry
//	s:SET         set, a sorted set with score 0, listed by bytes
//	j:ID          journal, a list
//	t:QUEUE       timers, a sorted set by due time in Unix milliseconds
//	c:ID          results of a call of the commit script, for a short time
//	format        version of this layout
type keys string

// bucketEscape keeps (a:b, c) and (a, b:c) apart.
var bucketEscape = strings.NewReplacer("%", "%25", ":", "%3A")

func (k keys) record(bucket, id string) string {
	if strings.ContainsAny(bucket, "%:") {
		bucket = bucketEscape.Replace(bucket)
	}
	return string(k) + "r:" + bucket + ":" + id
}
func (k keys) set(name string) string    { return string(k) + "s:" + name }
func (k keys) journal(id string) string  { return string(k) + "j:" + id }
func (k keys) timers(name string) string { return string(k) + "t:" + name }
func (k keys) call(id string) string     { return string(k) + "c:" + id }
func (k keys) format() string            { return string(k) + "format" }

// of returns the key that an op is about.
func (k keys) of(op *state.Op) string {
	switch op.Kind {
	case state.KindAdd, state.KindRemove:
		return k.set(op.Space)
	case state.KindAppend, state.KindDropJournal:
		return k.journal(op.ID)
	case state.KindSetTimer, state.KindClearTimer, state.KindRequireDue:
		return k.timers(op.Space)
	default:
		return k.record(op.Space, op.ID)
	}
}
