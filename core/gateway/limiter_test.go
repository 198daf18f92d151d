package gateway

import "testing"

// takes takes n places, and returns how many it got.
func (l *limiter) takes(holder string, n int) (got int) {
	for range n {
		if l.tryAcquire(holder) {
			got++
		}
	}
	return got
}

func TestAHolderAloneHasThreeQuartersOfThePlaces(t *testing.T) {
	t.Parallel()
	l := newLimiter(1024)
	if got := l.takes("a", 2000); got != 768 {
		t.Errorf("one that wants all has %d of 1024", got)
	}
	// Another finds places, and neither of the two can take the last.
	if got := l.takes("b", 2000); got != 128 {
		t.Errorf("a second one has %d", got)
	}
	for _, later := range []string{"c", "d", "e"} {
		if l.takes(later, 1) != 1 {
			t.Errorf("%s, which has no place, gets none", later)
		}
	}
	if l.takes("a", 1) != 0 {
		t.Error("the first one gets more")
	}
}

func TestHoldersThatWantAllEndWithEqualShares(t *testing.T) {
	t.Parallel()
	l := newLimiter(1000)
	got := map[string]int{}
	for range 1000 {
		for _, holder := range []string{"a", "b", "c", "d"} {
			got[holder] += l.takes(holder, 1)
		}
	}
	for holder, n := range got {
		if n != 200 {
			t.Errorf("%s has %d of 1000, want a fifth: the last fifth is for others", holder, n)
		}
	}
}

func TestSharesDoNotBindBelowThreeQuarters(t *testing.T) {
	t.Parallel()
	l := newLimiter(100)
	l.takes("a", 10)
	if got := l.takes("b", 65); got != 65 || !l.hasPlace("a") {
		t.Errorf("b got %d", got)
	}
	if l.hasPlace("b") || l.takes("b", 1) != 0 {
		t.Error("b gets more than its share")
	}
	if got := l.takes("a", 100); got != 8 { // until it has as many as are free
		t.Errorf("a got %d", got)
	}
}

func TestAPlaceThatIsGivenBackIsFreeForAll(t *testing.T) {
	t.Parallel()
	l := newLimiter(4)
	for range 100 {
		if got := l.takes("a", 5); got != 3 {
			t.Fatalf("got %d of 4", got)
		}
		for range 3 {
			l.release("a")
		}
	}
	if l.inUse() != 0 || len(l.held) != 0 {
		t.Errorf("%d in use, %v", l.inUse(), l.held)
	}
	for _, size := range []int{1, 2} {
		if l := newLimiter(size); l.takes("a", 5) != size || l.takes("b", 1) != 0 {
			t.Errorf("a limiter of %d", size)
		}
	}
}
