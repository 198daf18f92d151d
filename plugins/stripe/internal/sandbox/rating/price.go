package rating

import "math/big"

// Price is what a quantity costs (https://docs.stripe.com/api/prices/object).
type Price struct {
	Unit   Decimal // of one unit, where there are no tiers
	Tiers  []Tier  // in rising order, the last without an end
	Volume bool    // the tier of the whole quantity prices all of it; else each tier prices what lies in it

	// Divide counts packages of so many units, where it is above 0, and RoundUp
	// says that a package that was begun is one (transform_quantity).
	Divide  int64
	RoundUp bool
}

// Tier is the price of the units up to UpTo, which belongs to it.
type Tier struct {
	UpTo int64 // 0: without an end
	Unit Decimal
	Flat Decimal // once, where the tier is reached
}

// Part is a line of an invoice: what so many units come to.
type Part struct {
	Quantity int64
	Unit     Decimal
	Amount   int64
	Tier     int  // counted from 1; 0 where there are no tiers
	Flat     bool // the tier's flat amount: Unit is for all of it
}

// Parts returns what quantity comes to, one part for each tier and flat amount
// that it reaches. A price without tiers has one part. The first tier is
// reached by no units too
// (https://docs.stripe.com/products-prices/pricing-models#tiered-pricing).
func (p Price) Parts(quantity int64) ([]Part, error) {
	if len(p.Tiers) == 0 {
		part, err := price(p.Unit, p.packages(quantity), 0)
		part.Quantity = quantity
		return []Part{part}, err
	}
	var parts []Part
	below := int64(0)
	for i, tier := range p.Tiers {
		last := i == len(p.Tiers)-1 || tier.UpTo == 0 || quantity <= tier.UpTo
		in := quantity - below
		if p.Volume {
			in = quantity
		} else if !last {
			in = tier.UpTo - below
		}
		if last || !p.Volume {
			reached, err := tier.parts(in, i+1)
			if err != nil {
				return nil, err
			}
			parts = append(parts, reached...)
		}
		if last {
			break
		}
		below = tier.UpTo
	}
	return parts, nil
}

// Amount returns what quantity comes to.
func (p Price) Amount(quantity int64) (int64, error) {
	parts, err := p.Parts(quantity)
	if err != nil {
		return 0, err
	}
	sum := int64(0)
	for _, part := range parts {
		sum += part.Amount
	}
	if sum > MaxAmount {
		return 0, ErrAmount
	}
	return sum, nil
}

func (p Price) packages(quantity int64) int64 {
	if p.Divide <= 0 {
		return quantity
	}
	packages := quantity / p.Divide
	if p.RoundUp && quantity%p.Divide != 0 {
		packages++
	}
	return packages
}

func (t Tier) parts(units int64, number int) ([]Part, error) {
	part, err := price(t.Unit, units, number)
	if err != nil {
		return nil, err
	}
	parts := []Part{part}
	if t.Flat.rat().Sign() != 0 {
		flat, err := price(t.Flat, 1, number)
		if err != nil {
			return nil, err
		}
		flat.Quantity, flat.Flat = 0, true
		parts = append(parts, flat)
	}
	return parts, nil
}

func price(unit Decimal, quantity int64, tier int) (Part, error) {
	product := new(big.Rat).Mul(unit.rat(), new(big.Rat).SetInt64(quantity))
	amount, err := round(product)
	return Part{Quantity: quantity, Unit: unit, Amount: amount, Tier: tier}, err
}
