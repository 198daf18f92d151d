package engine

import "testing"

func TestSubscribersGetWhatIsAnnouncedUntilTheyCancel(t *testing.T) {
	s := newSubscribers()
	views := 0
	view := func() Run { views++; return Run{ID: "r"} }
	s.announce("r", view)
	if views != 0 {
		t.Error("a run was viewed for no subscriber")
	}
	ended1, cancel1 := s.awaitEnd("r")
	ended2, cancel2 := s.awaitEnd("r")
	changed, unwatch := s.watch("r")
	s.announce("r", view)
	s.announce("r", view) // they have the first
	s.changed("r")
	s.changed("other")
	if views != 2 || (<-ended1).ID != "r" || (<-ended2).ID != "r" {
		t.Errorf("%d views for two announcements", views)
	}
	select {
	case <-changed:
	default:
		t.Error("a change was not announced")
	}
	cancel1()
	s.announce("r", view)
	if len(ended1) != 0 || len(ended2) != 1 {
		t.Error("a subscriber that cancelled got a run, or the other one did not")
	}
	cancel2()
	unwatch()
	if len(s.ends)+len(s.changes) != 0 {
		t.Errorf("%d and %d subscriptions are left", len(s.ends), len(s.changes))
	}
}
