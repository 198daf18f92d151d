package stripedouble

import (
	"encoding/json"
	"errors"
	"net/http"
)

// control answers the double's own paths:
//
//	GET    /_double/effects  {"effects": […], "perKey": {key: count}, "requests": n}
//	POST   /_double/faults   {"cutBefore": 0.1, "cutAfter": 0.1, "seed": 1, "script": [{"kind": "cutAfter", …}]}
//	DELETE /_double/faults
//
// A POST replaces the chances and adds to the script.
func (d *Double) control(w http.ResponseWriter, r *http.Request) {
	switch r.Method + " " + r.URL.Path {
	case "GET /_double/effects":
		perKey := map[string]int{}
		effects := d.Effects()
		for _, effect := range effects {
			perKey[effect.Key]++
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{ // the client may be gone
			"effects": effects, "perKey": perKey, "requests": d.Requests(),
		})
	case "POST /_double/faults":
		var wanted struct {
			Chance
			Script []Fault `json:"script"`
		}
		decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
		decoder.DisallowUnknownFields()
		err := decoder.Decode(&wanted)
		if err == nil {
			err = errors.Join(d.SetChance(wanted.Chance), d.Script(wanted.Script...))
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	case "DELETE /_double/faults":
		d.Clear()
		w.WriteHeader(http.StatusNoContent)
	default:
		http.NotFound(w, r)
	}
}
