package main

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/backflow/backflow/core/access"
)

// tokenPrefix lets people and scanners of secrets recognise a token.
const tokenPrefix = "bf_"

func (p *program) tokenCommand() *cobra.Command {
	var name string
	var scopes, tables []string
	var out output
	create := &cobra.Command{
		Use:   "new --name NAME --scopes SCOPE…",
		Short: "Make a random API token, and the lines for the config that let it in",
		Example: `  backflow token new --name shop --scopes 'integrations:stripe:*' workflows:process-order:run
  backflow token new --name warehouse --scopes integrations:database:select --tables orders
  backflow token new --name admin --scopes '*'`,
		// What follows the first scope are scopes too.
		Args: cobra.ArbitraryArgs,
		PreRunE: func(_ *cobra.Command, args []string) error {
			if strings.TrimSpace(name) == "" {
				return errors.New("--name is empty: a token has a name, which logs call it by")
			}
			scopes = append(scopes, args...)
			if len(scopes) == 0 {
				return errors.New("--scopes is empty: a token without scopes may do nothing")
			}
			for _, scope := range scopes {
				if _, err := access.ParseScope(scope); err != nil {
					return fmt.Errorf("--scopes: %w", err)
				}
			}
			if slices.Contains(tables, "") {
				return errors.New("--tables has an empty name")
			}
			return nil
		},
		RunE: run(func(*cobra.Command, []string) error {
			made := madeToken{newToken(), tokenEntry{name, "", scopes, tables}}
			made.Entry.Hash = access.HashOf(made.Token).String()
			return out.writeValue(p.stdout, made, made.write)
		}),
	}
	out.flag(create, formTable)
	create.Flags().StringVar(&name, "name", "", "whose token it is, as logs call it")
	create.Flags().StringSliceVar(&scopes, "scopes", nil, "what it may do: scopes, separated by commas or spaces")
	create.Flags().StringSliceVar(&tables, "tables", nil, "the only tables that it may touch, separated by commas")
	completeFlag(create, "scopes", fixed(scopeForms()...))
	for _, flag := range []string{"name", "scopes"} {
		if err := create.MarkFlagRequired(flag); err != nil {
			panic(err) // the flag is defined right above
		}
	}
	return group("token", "API tokens", create)
}

// madeToken is a token, and its entry in the config.
type madeToken struct {
	Token string     `json:"token"`
	Entry tokenEntry `json:"entry"`
}

// tokenEntry is an entry under auth.tokens.
type tokenEntry struct {
	Name   string   `json:"name"`
	Hash   string   `json:"hash"`
	Scopes []string `json:"scopes"`
	Tables []string `json:"tables,omitempty"`
}

func (m madeToken) write(w io.Writer) error {
	entry, err := json.MarshalIndent(m.Entry, "", "  ")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s\n\nThis is the only time that the token is shown. Put its hash into the config, under auth.tokens:\n\n%s\n", m.Token, entry)
	return err
}

// newToken makes a token of 256 random bits.
func newToken() string {
	random := make([]byte, 32)
	// crypto/rand never fails: it ends the program instead.
	_, _ = rand.Read(random)
	return tokenPrefix + base64.RawURLEncoding.EncodeToString(random)
}
