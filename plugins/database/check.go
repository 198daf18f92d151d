package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/backflow/backflow/plugins/database/internal/store"
	"github.com/backflow/backflow/plugins/database/internal/uses"
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/pointer"
)

// inspected is the configuration of a plugin that is to look only.
type inspected struct {
	settings store.Settings
	// wrong is what is wrong with the credentials, nil for nothing.
	wrong error
	// url is the pointer of the database's url in the credentials, "" where it is not
	// given.
	url string
}

func (p *plugin) inspect(entry json.RawMessage, config sdk.Config) {
	found := &inspected{}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(entry, &members); err == nil && members["url"] != nil {
		found.url = "/url"
	}
	found.settings, found.wrong = readSettings(entry, config)
	found.settings.Now = p.now
	p.mu.Lock()
	p.inspected = found
	p.mu.Unlock()
}

// checkUses holds the config against the database, which is not changed.
func (p *plugin) checkUses(ctx context.Context, asked []sdk.Use) (found []sdk.UseFault, err error) {
	p.mu.RLock()
	look := p.inspected
	p.mu.RUnlock()
	switch {
	case look == nil:
		return nil, errors.New("database: it was not configured to look only")
	case look.wrong != nil:
		return ofSettings(look.wrong), nil
	}
	s, err := store.Inspect(ctx, look.settings)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return []sdk.UseFault{{Use: sdk.OfCredentials, Pointer: look.url, Message: "the database is not there yet: a start of the gateway makes it"}}, nil
	case err != nil:
		return []sdk.UseFault{ofCredentials(look.url, err)}, nil
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if found, err = p.checkCredentials(ctx, s, look.settings); err != nil {
		return nil, err
	}
	for i, use := range asked {
		faults, err := uses.Check(ctx, s, p.inner(), use)
		if err != nil {
			return nil, err
		}
		for _, fault := range faults {
			found = append(found, sdk.UseFault{Use: i, Pointer: fault.Pointer, Message: fault.Message})
		}
	}
	return found, nil
}

// checkCredentials holds the credentials against the database. What the next start makes
// is noted in the log.
func (p *plugin) checkCredentials(ctx context.Context, s *store.Store, settings store.Settings) (found []sdk.UseFault, err error) {
	logger := sdk.Logger(ctx)
	there, err := s.KeysTable(ctx)
	switch {
	case err != nil:
		found = append(found, ofCredentials("", err))
	case !there:
		logger.Warn("the table backflow_keys is not there yet: a start of the gateway makes it, if the account may make tables")
	}
	if settings.Migrations != "" {
		pending, err := s.Pending(ctx, settings.Migrations)
		if err != nil {
			found = append(found, ofCredentials("/migrations", err))
		}
		if len(pending) > 0 {
			logger.Warn("migrations are not applied yet, and what they make is missing: a start of the gateway applies them", "migrations", strings.Join(pending, ", "))
		}
	}
	found = append(found, ofSettings(s.WrongQueries(ctx)...)...)
	faults, err := s.Access(ctx)
	if err != nil {
		return nil, err
	}
	for _, fault := range faults {
		found = append(found, sdk.UseFault{Use: sdk.OfCredentials, Pointer: fault.Pointer, Message: fault.Message})
	}
	return found, nil
}

// ofSettings are faults of the credentials, those of queries at their place.
func ofSettings(errs ...error) (found []sdk.UseFault) {
	for _, err := range errs {
		several, ok := err.(interface{ Unwrap() []error })
		query, wrong := errors.AsType[*store.QueryError](err)
		switch {
		case ok:
			found = append(found, ofSettings(several.Unwrap()...)...)
		case wrong:
			found = append(found, ofCredentials(pointer.Join("/queries", query.Name, "sql"), query.Err))
		default:
			found = append(found, ofCredentials("", err))
		}
	}
	return found
}

// ofCredentials is a fault of the credentials.
func ofCredentials(at string, err error) sdk.UseFault {
	return sdk.UseFault{Use: sdk.OfCredentials, Pointer: at, Message: strings.TrimPrefix(fmt.Sprint(err), "database: ")}
}
