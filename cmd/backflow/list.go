package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/url"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/backflow/backflow/cmd/backflow/internal/client"
)

// listPage is the most items in one response of a gateway.
const listPage = 200

// listing are the flags of a command that lists something of a gateway.
type listing struct {
	limit  int
	cursor string
	out    output
}

func (l *listing) flags(cmd *cobra.Command) {
	cmd.Flags().IntVar(&l.limit, "limit", 50, "how many at most")
	cmd.Flags().StringVar(&l.cursor, "cursor", "", "where an earlier list ended")
	l.out.flag(cmd, formTable)
	completeFlag(cmd, "limit", fixed())
	completeFlag(cmd, "cursor", fixed())
}

func (l *listing) check() error {
	if l.limit < 1 {
		return fmt.Errorf("--limit must be at least 1, not %d", l.limit)
	}
	return nil
}

// list fetches the list at a path, page by page, of what a filter selects, and prints it.
func (p *program) list(cmd *cobra.Command, l *listing, path string, filter map[string]string, table func(io.Writer, []json.RawMessage) error) error {
	c, err := p.client()
	if err != nil {
		return err
	}
	query := url.Values{}
	for name, text := range filter {
		query.Set(name, text)
	}
	found := client.Page{Data: []json.RawMessage{}, NextCursor: &l.cursor}
	// A page may be short although more follow.
	for len(found.Data) < l.limit && found.NextCursor != nil {
		if *found.NextCursor != "" {
			query.Set("cursor", *found.NextCursor)
		}
		query.Set("limit", strconv.Itoa(min(l.limit-len(found.Data), listPage)))
		var page client.Page
		if err := c.Get(cmd.Context(), path+"?"+query.Encode(), &page); err != nil {
			return err
		}
		found.Data, found.NextCursor = append(found.Data, page.Data...), page.NextCursor
	}
	return l.out.writeValue(p.stdout, found, func(w io.Writer) error {
		if err := table(w, found.Data); err != nil {
			return err
		}
		if found.NextCursor != nil {
			fmt.Fprintf(p.stderr, "there may be more: --cursor %s\n", *found.NextCursor)
		}
		return nil
	})
}

// show fetches the document at a path and prints it.
func (p *program) show(cmd *cobra.Command, out *output, path string, table func(io.Writer, json.RawMessage) error) error {
	c, err := p.client()
	if err != nil {
		return err
	}
	var shown json.RawMessage
	if err := c.Get(cmd.Context(), path, &shown); err != nil {
		return err
	}
	return out.write(p.stdout, shown, func(w io.Writer) error { return table(w, shown) })
}

// given removes the flags that are not given from a map of flags by name.
func given(flags map[string]string) map[string]string {
	maps.DeleteFunc(flags, func(_, text string) bool { return text == "" })
	return flags
}
