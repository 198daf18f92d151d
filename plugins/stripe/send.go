package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/backflow/backflow/plugins/stripe/internal/api"
	"github.com/backflow/backflow/plugins/stripe/internal/form"
	"github.com/backflow/backflow/plugins/stripe/internal/openapi"
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/value"
)

// send sends an operation once, with the ids of the request and these params.
func (r *request) send(ctx context.Context, operation *openapi.Operation, params *form.Params, key string) (sdk.Result, error) {
	takes, err := operation.Params()
	if err != nil {
		return sdk.Result{}, err
	}
	path, err := api.Path(operation.Path(), func(name string) string { return r.ids[name] })
	if err != nil {
		return sdk.Result{}, err
	}
	sent := api.Request{
		Method: operation.Method(), Path: path, IdempotencyKey: key,
		Account: r.account, Context: r.context, Version: r.version,
		Files: operation.Host() == openapi.HostFiles, Binary: !operation.RespondsJSON(),
	}
	inQuery, inBody := params.Split(func(name string) bool { return takes.Where(name) == openapi.InQuery })
	if sent.Query, err = query(takes, inQuery); err != nil {
		return sdk.Result{}, err
	}
	if sent.Body, err = body(operation, takes, inBody); err != nil {
		return sdk.Result{}, err
	}
	return r.client.Do(ctx, sent)
}

// query are the fields of a query. A list that the operation takes as its name again
// and again is written so.
func query(takes *openapi.Params, params *form.Params) ([]form.Field, error) {
	fields, err := params.Encode()
	if err != nil {
		return nil, err
	}
	for i, field := range fields {
		if name, _, indexed := strings.Cut(field.Name, "["); indexed && takes.Repeated(name) {
			fields[i].Name = name
		}
	}
	return fields, nil
}

// body makes the body that an operation takes, none for one that reads.
func body(operation *openapi.Operation, takes *openapi.Params, params *form.Params) (api.Body, error) {
	switch {
	case operation.Reads():
		return api.Body{}, nil
	case takes.JSON():
		return jsonBody(params)
	case takes.Multipart():
		return multipartBody(takes, params)
	}
	fields, err := params.Encode()
	if err != nil {
		return api.Body{}, err
	}
	return api.Form(fields), nil
}

func multipartBody(takes *openapi.Params, params *form.Params) (api.Body, error) {
	given, others := params.Split(takes.IsFile)
	fields, err := others.Encode()
	if err != nil {
		return api.Body{}, err
	}
	var files []form.File
	for _, name := range takes.Files() {
		raw := given.Take(name)
		if raw == nil {
			continue
		}
		file, err := form.ParseFile(name, raw)
		if err != nil {
			return api.Body{}, err
		}
		files = append(files, file)
	}
	return api.Multipart(fields, files)
}

// jsonBody writes the params of /v2 as they were given, but for metadata, which is
// text there too.
func jsonBody(params *form.Params) (api.Body, error) {
	raw := params.Object()
	if string(raw) == "{}" {
		return api.Body{}, nil
	}
	document, err := value.Parse(raw)
	if err != nil {
		return api.Body{}, &form.Fault{Message: err.Error()}
	}
	if !textMetadata(document) {
		return api.JSON(raw), nil
	}
	if raw, err = value.Marshal(document); err != nil {
		return api.Body{}, fmt.Errorf("write the body: %w", err)
	}
	return api.JSON(raw), nil
}

// textMetadata makes texts of the numbers, true and false in metadata at any depth,
// and reports whether any was there.
func textMetadata(document any) (changed bool) {
	switch v := document.(type) {
	case []any:
		for _, item := range v {
			changed = textMetadata(item) || changed
		}
	case map[string]any:
		for name, member := range v {
			if metadata, ok := member.(map[string]any); ok && name == "metadata" {
				changed = textMembers(metadata) || changed
				continue
			}
			changed = textMetadata(member) || changed
		}
	}
	return changed
}

func textMembers(metadata map[string]any) (changed bool) {
	for name, member := range metadata {
		switch value.KindOf(member) {
		case value.KindNumber, value.KindBool:
			metadata[name] = fmt.Sprint(member)
			changed = true
		}
	}
	return changed
}
