package gateway

import (
	"slices"
	"testing"
)

// drops begins transfers whose drops it notes.
type drops struct {
	*transfers
	names []string
}

func (d *drops) add(holder, name string, bytes int) *transfer {
	t := d.begin(holder, 0, func() { d.names = append(d.names, name) })
	t.grow(bytes)
	return t
}

func (d *drops) want(t *testing.T, inUse int, names ...string) {
	t.Helper()
	if !slices.Equal(d.names, names) || d.inUse() != inUse {
		t.Errorf("dropped %q with %d bytes in use, want %q and %d", d.names, d.inUse(), names, inUse)
	}
}

func TestTheSlowestTransferIsDroppedAtTheBound(t *testing.T) {
	t.Parallel()
	d := &drops{transfers: newTransfers(100)}
	a, b, c := d.add("x", "a", 24), d.add("y", "b", 25), d.add("z", "c", 25)
	d.add("w", "empty", 0)
	d.want(t, 74)
	a.progressed() // b is the slowest now
	late := d.add("v", "late", 26)
	d.want(t, 100)
	if !late.grow(1) {
		t.Error("the fastest was dropped")
	}
	d.want(t, 76, "b")
	if b.grow(1) || !b.dropped() || c.dropped() {
		t.Error("b goes on, or c does not")
	}
	b.end() // it was taken out already
	d.want(t, 76, "b")
}

func TestAHolderOverItsShareLosesItsOwnSlowest(t *testing.T) {
	t.Parallel()
	d := &drops{transfers: newTransfers(100)}
	honest := d.add("honest", "honest", 10) // the slowest of all
	for _, name := range []string{"f1", "f2", "f3", "f4", "f5", "f6", "f7"} {
		d.add("flood", name, 20)
	}
	d.want(t, 70, "f1", "f2", "f3", "f4")
	if honest.dropped() || !honest.grow(30) {
		t.Error("one of another holder was dropped")
	}
}

func TestATransferThatEndedIsNotDropped(t *testing.T) {
	t.Parallel()
	d := &drops{transfers: newTransfers(10)}
	a := d.add("x", "a", 7)
	a.end()
	a.end()
	a.progressed()
	d.add("x", "b", 7)
	d.want(t, 7)
	if big := d.begin("y", 1000, func() { d.names = append(d.names, "big") }); !big.grow(200) {
		t.Error("one that may be larger than the bound was dropped")
	}
	if len(d.held) != 2 {
		t.Errorf("%v", d.held)
	}
}
