package sample

import "maps"

// beginnings are how objects come into being, by resource, where the fixture is not
// that.
func beginnings() map[string]change {
	return join(paymentBeginnings(), billingBeginnings(), platformBeginnings())
}

// changes are what events do to the object that they show, by the name of the stage,
// where the name does not say it (see world.happen).
func changes() map[string]change {
	return join(paymentChanges(), billingChanges(), platformChanges())
}

func join(tables ...map[string]change) map[string]change {
	joined := map[string]change{}
	for _, table := range tables {
		maps.Copy(joined, table)
	}
	return joined
}
