package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
)

// arrayJSON is the comparison of one array.
type arrayJSON struct {
	Name     string   `json:"name"`
	OK       bool     `json:"ok"`
	MaxError *float64 `json:"max_error"` // null when it is not finite or the arrays do not compare
	Ratio    *float64 `json:"ratio,omitempty"`
	Reason   string   `json:"reason,omitempty"`
}

// caseJSON is a case.
type caseJSON struct {
	Case   string      `json:"case"`
	Model  string      `json:"model"`
	OK     bool        `json:"ok"`
	Error  string      `json:"error,omitempty"`
	Arrays []arrayJSON `json:"arrays"`
}

func writeVerdictsJSON(w io.Writer, verdicts []verdict) error {
	doc := struct {
		Schema int        `json:"schema_version"`
		Cases  []caseJSON `json:"cases"`
	}{Schema: 1, Cases: []caseJSON{}}
	for _, v := range verdicts {
		_, ok := v.worst()
		c := caseJSON{Case: v.name, Model: v.model, OK: ok && v.err == nil, Arrays: []arrayJSON{}}
		if v.err != nil {
			c.Error = message(v.err)
		}
		for _, r := range v.results {
			c.Arrays = append(c.Arrays, arrayJSON{Name: r.Name, OK: r.OK, MaxError: finite(r.MaxAbs), Reason: r.Reason})
			if r.ErrorRatio > 0 {
				c.Arrays[len(c.Arrays)-1].Ratio = finite(r.ErrorRatio)
			}
		}
		doc.Cases = append(doc.Cases, c)
	}
	text, err := json.MarshalIndent(doc, "", " ")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s\n", text)
	return err
}

func finite(x float64) *float64 {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return nil
	}
	return &x
}
