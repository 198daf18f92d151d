package config

// Schedule starts runs of a workflow at times of the clock.
type Schedule struct {
	Pos  Pos
	Name string
	// Cron and Timezone are checked where they are used, by core/schedule.
	Cron, Timezone string
	// Workflow is the id of the workflow.
	Workflow string
	// Input is what the runs start with; its ID is empty.
	Input Definition

	node *Node
}

// At returns where a key of the schedule is written, or the schedule where the
// key is left out.
func (s Schedule) At(key string) Pos { return s.node.At("/" + key) }

func schedulesSchema() schema[[]Schedule] {
	schedule := object(
		key("name", text("name", simpleName("a schedule").check), func(s *Schedule) *string { return &s.Name },
			"Name of the schedule, unique. Under another name it is another schedule.").required(),
		key("cron", text("cron expression", checkNotEmpty), func(s *Schedule) *string { return &s.Cron },
			"When: minute, hour, day of the month, month and day of the week, as in `0 3 * * *`, or `@yearly`, `@monthly`, `@weekly`, `@daily`, `@hourly`.").required(),
		key("timezone", text("time zone", func(s string) (problem, hint string) {
			if s == "" {
				return "the zone is empty", "leave the key out for UTC, or name a place such as Europe/Berlin"
			}
			return "", ""
		}), func(s *Schedule) *string { return &s.Timezone },
			"The zone of the clock, by its IANA name such as `Europe/Berlin`.").withDefault(`"UTC"`),
		key("workflow", text("id", checkNotEmpty), func(s *Schedule) *string { return &s.Workflow },
			"Id of the workflow.").required(),
		key("input", literalSchema(), func(s *Schedule) *Definition { return &s.Input },
			"What each run starts with, as it is written: there are no templates in it.").withDefault("{}"),
	).with(func(v value, s *Schedule) {
		s.Pos, s.node = v.node.Pos, v.node
		if v.node.Get("input") == nil {
			s.Input.Node = &Node{Kind: Object, Pos: v.node.Pos}
		}
	})
	return uniqueBy(list(schedule), "name")
}

// literalSchema declares a JSON value of any type that is taken as it is written.
func literalSchema() schema[Definition] {
	return schema[Definition]{
		description: description{typ: "any", jsonSchema: map[string]any{}},
		decode: func(v value, into *Definition) {
			v.noSecrets("the input of a schedule", credentialsInstead)
			*into = Definition{Raw: v.node.JSON(), Node: v.node}
		},
	}
}
