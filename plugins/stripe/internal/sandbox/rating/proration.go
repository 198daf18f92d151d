package rating

// Prorate returns the share of amount that falls to the seconds from from to
// to, where amount is for the whole period from start to end
// (https://docs.stripe.com/billing/subscriptions/prorations: by the second). A
// period without length has no share.
func Prorate(amount, from, to, start, end int64) (int64, error) {
	from, to = max(from, start), min(to, end)
	if end <= start || to <= from {
		return 0, nil
	}
	return share(amount, to-from, end-start)
}
