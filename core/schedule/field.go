package schedule

import (
	"fmt"
	"strconv"
	"strings"
)

// field is one of the five of a cron expression. Each is checked before the parser sees
// it, which takes some that are never meant, and whose messages are those of a program.
type field struct {
	name        string
	least, most int
	words       []string // for numbers from least on
}

var fields = []field{
	{name: "minute", most: 59},
	{name: "hour", most: 23},
	{name: "day of the month", least: 1, most: 31},
	{name: "month", least: 1, most: 12, words: []string{"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"}},
	{name: "day of the week", most: 6, words: []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}},
}

// checkFields returns what is wrong with the fields of an expression.
func checkFields(expression string) error {
	given := strings.Fields(expression)
	if len(given) != len(fields) {
		return fmt.Errorf("expected exactly %d fields, found %d", len(fields), len(given))
	}
	for i, f := range fields {
		for part := range strings.SplitSeq(given[i], ",") {
			if err := f.check(part); err != nil {
				return fmt.Errorf("%s %q: %w", f.name, given[i], err)
			}
		}
	}
	return nil
}

// check checks one part of a list: *, a number, a range, and any of these with a step.
func (f field) check(part string) error {
	span, step, stepped := strings.Cut(part, "/")
	if part == "" {
		return fmt.Errorf("a part of the list is empty")
	}
	first, last, err := f.span(span)
	if err != nil || !stepped {
		return err
	}
	n, err := digits(step)
	switch {
	case err != nil:
		return fmt.Errorf("the step %q is not a number", step)
	case n == 0:
		return fmt.Errorf("a step is at least 1")
	case n > last-first:
		return fmt.Errorf("the step %d leads out of the field, which goes from %d to %d here", n, first, last)
	}
	return nil
}

// span reads what a part stands for without its step: a number with a step goes on to
// the end of the field.
func (f field) span(text string) (first, last int, err error) {
	if text == "*" || text == "?" {
		return f.least, f.most, nil
	}
	from, to, ranged := strings.Cut(text, "-")
	if first, err = f.number(from); err != nil || !ranged {
		return first, f.most, err
	}
	if last, err = f.number(to); err == nil && last < first {
		err = fmt.Errorf("the range %s ends before it begins", text)
	}
	return first, last, err
}

// number reads a number or a name of the field.
func (f field) number(text string) (int, error) {
	for i, word := range f.words {
		if strings.EqualFold(text, word) {
			return f.least + i, nil
		}
	}
	n, err := digits(text)
	switch {
	case err != nil && f.words != nil:
		return 0, fmt.Errorf("%q is neither a number nor one of %s", text, strings.Join(f.words, ", "))
	case err != nil:
		return 0, fmt.Errorf("%q is not a number", text)
	case n < f.least || n > f.most:
		return 0, fmt.Errorf("%d is not from %d to %d", n, f.least, f.most)
	}
	return n, nil
}

// digits reads a number of digits alone: no sign and no point.
func digits(text string) (int, error) {
	if strings.Trim(text, "0123456789") != "" {
		return 0, strconv.ErrSyntax
	}
	return strconv.Atoi(text)
}
