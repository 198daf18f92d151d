package store

import (
	"fmt"
	"slices"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// change does something in one transaction on a state in memory.
func change(t *testing.T, s *Store, do func(tx *Tx)) {
	t.Helper()
	tx, err := s.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	do(tx)
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
}

func opened(t *testing.T) *Store {
	t.Helper()
	s, err := Open(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestOldEventsAreForgottenByAgeAndNumber(t *testing.T) {
	s := opened(t)
	change(t, s, func(tx *Tx) {
		for i := range 10 {
			tx.Put(Object{Kind: "event", ID: fmt.Sprint("evt_", i), Created: int64(i), Data: []byte("{}")})
			tx.Put(Object{Kind: "customer", ID: fmt.Sprint("cus_", i), Created: int64(i), Data: []byte("{}")})
		}
		tx.Trim("event", 6, 0)
	})
	ids := func(tx *Tx) (ids []string) {
		for _, o := range tx.All("event") {
			ids = append(ids, o.ID)
		}
		return ids
	}
	change(t, s, func(tx *Tx) {
		if got, want := ids(tx), []string{"evt_4", "evt_5", "evt_6", "evt_7", "evt_8", "evt_9"}; !slices.Equal(got, want) {
			t.Errorf("%v are left, want %v", got, want)
		}
		tx.Trim("event", 100, 8)
		if got, want := ids(tx), []string{"evt_8", "evt_9"}; !slices.Equal(got, want) {
			t.Errorf("%v are left, want %v", got, want)
		}
		if n := tx.Count("customer"); n != 10 {
			t.Errorf("%d customers are left", n)
		}
	})
}

func TestTheOldestDeliveriesAreDropped(t *testing.T) {
	s := opened(t)
	change(t, s, func(tx *Tx) {
		for i := range 10 {
			tx.AddDelivery(Delivery{Event: fmt.Sprint("evt_", i), Target: "t", Body: []byte("{}")})
		}
		tx.AddDelivery(Delivery{Event: "evt_0", Target: "healthy", Body: []byte("{}")})
		if n := tx.DropDeliveries(20); n != 0 {
			t.Errorf("%d were dropped below the bound", n)
		}
		if n := tx.DropDeliveries(7); n != 3 {
			t.Errorf("%d were dropped", n)
		}
		if next, _ := tx.NextDelivery("t", 0); next.Event != "evt_3" {
			t.Errorf("%s is the oldest", next.Event)
		}
		tx.AddDelivery(Delivery{Event: "evt_0", Target: "healthy", Body: []byte("{}")})
		for i := range 10 {
			tx.AddDelivery(Delivery{Event: fmt.Sprint("evt_1", i), Target: "down", Body: []byte("{}")})
		}
		if n := tx.DropDeliveries(7); n != 3 {
			t.Errorf("%d were dropped of three webhooks", n)
		}
		if next, ok := tx.NextDelivery("healthy", 0); !ok || next.Event != "evt_0" {
			t.Error("a webhook that is down took the room of another")
		}
	})
}

func TestADeliveryThatWaitsHoldsNoOtherUp(t *testing.T) {
	s := opened(t)
	change(t, s, func(tx *Tx) {
		for i, at := range []int64{500, 0, 100} {
			tx.AddDelivery(Delivery{Event: fmt.Sprint("evt_", i), Target: "t", At: at, Body: []byte("{}")})
		}
		for now, want := range map[int64]string{50: "evt_1", 1000: "evt_0"} {
			if next, _ := tx.NextDelivery("t", now); next.Event != want {
				t.Errorf("at %d it is the turn of %s, want %s", now, next.Event, want)
			}
		}
	})
}

func TestAFailedTransactionLeavesNothing(t *testing.T) {
	s := opened(t)
	tx, err := s.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	tx.Set("a", "b")
	tx.Put(Object{Kind: "event", ID: "evt_1"}) // without data
	tx.exec("SELECT nonsense")
	tx.Set("c", "d")
	if tx.Err() == nil || tx.Commit() == nil {
		t.Error("it was committed")
	}
	change(t, s, func(tx *Tx) {
		if tx.Setting("a") != "" || tx.Setting("c") != "" {
			t.Error("something of it is left")
		}
	})
}
