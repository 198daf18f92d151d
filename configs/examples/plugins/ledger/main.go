// Command backflow-plugin-ledger appends rows to CSV files and reads them: for the
// accountant's spreadsheet, which knows neither webhooks nor APIs. It is an example
// of a process plugin: it needs files.
//
//	make
package main

import (
	"context"

	"github.com/backflow/backflow/sdk"
)

func main() { sdk.Serve(plugin()) }

type settings struct {
	Directory string              `json:"directory" description:"Where the files are; relative to the config file."`
	Files     map[string][]string `json:"files" pattern:"^[A-Za-z][A-Za-z0-9_-]*$" description:"The columns of each file, by its name without .csv."`
}

type appendParams struct {
	File string            `json:"file" description:"Its name, without .csv."`
	Row  map[string]string `json:"row" pattern:"^[^\\r\\n]*$" maxLength:"10000" description:"Values by column; a column that is not there stays empty."`
}

type appended struct {
	File string `json:"file"`
	Row  int    `json:"row" description:"Counted from 1; the line of titles is not counted."`
}

type readParams struct {
	File  string `json:"file" description:"Its name, without .csv."`
	After int    `json:"after" minimum:"0" default:"0" description:"The row after which to begin."`
	Limit int    `json:"limit" minimum:"1" maximum:"1000" default:"100"`
}

type rows struct {
	Rows []map[string]string `json:"rows"`
	Next *int                `json:"next" description:"The after of the next page; null where there is none."`
}

func plugin() sdk.Plugin {
	l := &ledgers{}
	return sdk.New(sdk.Info{Name: "ledger", Version: "1.0.0", Description: "Rows of CSV files in a directory."},
		sdk.Credentials[settings]{Configure: l.configure},
		sdk.Action[appendParams, appended]{
			Name: "append", Description: "Adds a row, once for each idempotency key.", HTTP: sdk.POST("/files/:file/rows"),
			// Row and key are one line of the file, which is written at once.
			Writes: true, Repeat: sdk.RepeatTransactional,
			Examples: []appendParams{{File: "payments", Row: map[string]string{"id": "pi_1", "amount": "1000"}}},
			Do:       l.append,
		},
		sdk.Action[readParams, rows]{
			Name: "read", Description: "Reads rows in their order.", HTTP: sdk.GET("/files/:file/rows"),
			Examples: []readParams{{File: "payments", Limit: 10}},
			Do:       l.read,
		},
	)
}

func (l *ledgers) append(ctx context.Context, in appendParams) (appended, error) {
	ledger, err := l.find(in.File)
	if err != nil {
		return appended{}, err
	}
	row, err := ledger.append(in.Row, sdk.CallFrom(ctx).IdempotencyKey)
	return appended{File: in.File, Row: row}, err
}

func (l *ledgers) read(_ context.Context, in readParams) (rows, error) {
	ledger, err := l.find(in.File)
	if err != nil {
		return rows{}, err
	}
	found, more, err := ledger.read(in.After, in.Limit)
	out := rows{Rows: found}
	if more {
		next := in.After + len(found)
		out.Next = &next
	}
	return out, err
}
