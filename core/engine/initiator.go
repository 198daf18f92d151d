package engine

// Initiator is what started a run, or had it retried: a token, an event of a
// webhook, a schedule, or the run whose step it is. The zero value is not known.
type Initiator struct {
	// Token is the name of an API token.
	Token string `json:"token,omitempty"`
	// Webhook is the name of a webhook, Event the sender's id of the event.
	Webhook string `json:"webhook,omitempty"`
	Event   string `json:"event,omitempty"`
	// Schedule is the name of a schedule.
	Schedule string `json:"schedule,omitempty"`
	// Parent is the id of a run.
	Parent string `json:"parent,omitempty"`
}

// initiatorField is a field of an Initiator by its name in JSON and in logs.
type initiatorField struct{ name, text string }

func (i Initiator) fields() [5]initiatorField {
	return [...]initiatorField{
		{"token", i.Token}, {"webhook", i.Webhook}, {"event", i.Event}, {"schedule", i.Schedule}, {"parent", i.Parent},
	}
}

// append appends it to a record under a name, without one that is not known.
func (i Initiator) append(b []byte, name string) []byte {
	if i == (Initiator{}) {
		return b
	}
	b = append(appendName(b, name), '{')
	first := len(b)
	for _, field := range i.fields() {
		if field.text != "" {
			b = appendText(b, field.name, field.text)
		}
	}
	b = append(b[:first], b[first+1:]...) // without the comma before the first field
	return append(b, '}')
}
