package stripedouble

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
)

const endpointsPath = "/v1/webhook_endpoints"

// endpointOperation returns what a request about webhook endpoints does, nil for another
// path (https://docs.stripe.com/api/webhook_endpoints). Nothing is ever sent to them.
func (d *Double) endpointOperation(c *call) func(*call) *response {
	id, one := strings.CutPrefix(c.path, endpointsPath+"/")
	switch operation := c.method + " " + c.path; {
	case operation == "POST "+endpointsPath:
		return d.createEndpoint
	case operation == "GET "+endpointsPath:
		return d.listEndpoints
	case one && c.method == http.MethodPost:
		return func(c *call) *response { return d.updateEndpoint(c, id) }
	case one && c.method == http.MethodDelete:
		return func(c *call) *response { return d.deleteEndpoint(c, id) }
	}
	return nil
}

func (d *Double) createEndpoint(c *call) *response {
	url := c.form.Get("url")
	if url == "" {
		return invalid("parameter_missing", "url", "Missing required param: url.")
	}
	types := enabledEvents(c)
	if len(types) == 0 {
		return invalid("parameter_missing", "enabled_events", "Missing required param: enabled_events.")
	}
	made := d.create(c, "webhook_endpoint", "we_", object{
		"url": url, "enabled_events": types, "status": "enabled", "metadata": metadata(c.form), "application": nil,
		"api_version": unset(c.form.Get("api_version")), "description": unset(c.form.Get("description")),
	})
	// The secret is returned once, and is not kept with the endpoint.
	shown := maps.Clone(d.objects[d.effects[len(d.effects)-1].ID])
	shown["secret"] = fmt.Sprintf("whsec_double%06d", d.serial)
	if made.status != http.StatusOK {
		return made
	}
	return success(shown)
}

func (d *Double) updateEndpoint(c *call, id string) *response {
	found, refused := d.endpoint(id)
	if refused != nil {
		return refused
	}
	changed := maps.Clone(found)
	if types := enabledEvents(c); len(types) > 0 {
		changed["enabled_events"] = types
	}
	if c.form.Has("url") {
		changed["url"] = c.form.Get("url")
	}
	switch c.form.Get("disabled") {
	case "true":
		changed["status"] = "disabled"
	case "false":
		changed["status"] = "enabled"
	}
	merged := object{}
	if old, ok := found["metadata"].(object); ok {
		maps.Copy(merged, old)
	}
	maps.Copy(merged, metadata(c.form))
	changed["metadata"] = merged
	d.objects[id] = changed
	d.effect(c, id)
	return success(changed)
}

func (d *Double) deleteEndpoint(c *call, id string) *response {
	if _, refused := d.endpoint(id); refused != nil {
		return refused
	}
	delete(d.objects, id)
	d.effect(c, id)
	return success(object{"id": id, "object": "webhook_endpoint", "deleted": true})
}

// endpoint returns a webhook endpoint, or the refusal.
func (d *Double) endpoint(id string) (object, *response) {
	found, ok := d.objects[id]
	if !ok || found["object"] != "webhook_endpoint" {
		return nil, missing("webhook endpoint", id, "webhook_endpoint", http.StatusNotFound)
	}
	return found, nil
}

// listEndpoints lists all of them, the newest first, however many are asked for.
func (d *Double) listEndpoints(*call) *response {
	data := []object{}
	for _, id := range slices.Backward(slices.Sorted(maps.Keys(d.objects))) {
		if found := d.objects[id]; found["object"] == "webhook_endpoint" {
			data = append(data, found)
		}
	}
	return success(object{"object": "list", "url": endpointsPath, "has_more": false, "data": data})
}

func enabledEvents(c *call) []string {
	var types []string
	for i := 0; c.form.Has(fmt.Sprintf("enabled_events[%d]", i)); i++ {
		types = append(types, c.form.Get(fmt.Sprintf("enabled_events[%d]", i)))
	}
	return types
}
