package compile

// FixedChange names the first difference of another plan that a running gateway
// cannot take over; "" without one.
func (p *Plan) FixedChange(next *Plan) string {
	before, after := p.Config, next.Config
	switch {
	case before.Server.Listen != after.Server.Listen:
		return "server.listen"
	case !before.State.URL.Equal(after.State.URL) || before.State.Path != after.State.Path ||
		before.State.AllowVolatile != after.State.AllowVolatile || before.State.Durability != after.State.Durability ||
		before.State.Retention != after.State.Retention || before.State.MinReplicas != after.State.MinReplicas:
		return "state"
	}
	return ""
}
