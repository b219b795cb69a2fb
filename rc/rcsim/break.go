package rcsim

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Break does what the JSON of POST /sim/api/faults says (see handleFaults for the keys) and returns what is then set.
func (s *Server) Break(body []byte) (FaultsState, error) {
	apply, err := s.readFaults(body)
	if err != nil {
		return FaultsState{}, err
	}
	var st FaultsState
	_ = s.change(func() error {
		for _, f := range apply {
			f()
		}
		st = s.faultsState()
		return nil
	})
	return st, nil
}

// readFaults reads the keys of a faults request; clear comes first whatever its place.
func (s *Server) readFaults(body []byte) ([]func(), error) {
	var in map[string]json.RawMessage
	if err := strict(body, &in); err != nil {
		return nil, err
	}
	names := Operations()
	var first, apply []func()
	for key, raw := range in {
		f, err := s.readFault(key, raw, names)
		switch {
		case err != nil:
			return nil, refuse(http.StatusBadRequest, "CMN-101", key+": "+err.Error())
		case key == "clear":
			first = append(first, f)
		default:
			apply = append(apply, f)
		}
	}
	return append(first, apply...), nil
}

// readFault is what one key of a faults request asks for.
func (s *Server) readFault(key string, raw json.RawMessage, operations []string) (func(), error) {
	switch key {
	case "clear":
		return setting(raw, func(on bool) {
			if on {
				s.clearFaults()
			}
		})
	case "holdEvents":
		return setting(raw, func(on bool) {
			if on {
				s.faults.holding = true
			} else {
				s.releaseHeld(Release{})
			}
		})
	case "release":
		var how Release
		if err := strict(raw, &how); err != nil {
			return nil, err
		}
		return func() { s.releaseHeld(how) }, how.check()
	case "events":
		var f *EventFault
		if err := strict(raw, &f); err != nil {
			return nil, err
		}
		if f == nil {
			return s.endStreams, nil
		}
		return func() { s.setStream(*f) }, f.check()
	case "refuseRecovery":
		return setting(raw, func(on bool) { s.faults.refuseRecovery = on })
	case "refuseConnections":
		return setting(raw, func(n int) { s.faults.turnAway = n })
	case "eventDelayMs":
		return setting(raw, func(ms int) { s.opt.EventDelay = time.Duration(ms) * time.Millisecond })
	case "bridgeEvents":
		var how BridgeEvents
		if err := strict(raw, &how); err != nil {
			return nil, err
		}
		return func() { s.opt.Assume.BridgeEvents = how }, how.check()
	}
	if !slices.Contains(operations, key) {
		return nil, fmt.Errorf("there is no fault of that name; operations are %s", strings.Join(operations, ", "))
	}
	var f *Fault
	if err := strict(raw, &f); err != nil {
		return nil, err
	}
	if f == nil {
		return func() { delete(s.faults.routes, key) }, nil
	}
	return func() { s.faults.routes[key] = f }, f.check()
}

// setting reads one value and hands it to set when the faults are applied.
func setting[T any](raw json.RawMessage, set func(T)) (func(), error) {
	var v T
	if err := strict(raw, &v); err != nil {
		return nil, err
	}
	return func() { set(v) }, nil
}
