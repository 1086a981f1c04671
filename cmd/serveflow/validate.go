package main

import (
	"errors"
	"fmt"
)

// validateWithCascade checks what validate does, and the settings of the slow stage.
func (s *Settings) validateWithCascade() error {
	return errors.Join(s.validate(), s.cascade().Validate())
}

// validate checks the settings that no part checks for itself. Topics are checked by differ, where
// the tasks are known.
func (s *Settings) validate() error {
	_, memory := s.budget()
	switch {
	case memory != nil:
		return memory
	case s.MaxFlowBytes < 0 || s.MaxFinished < 0:
		return errors.New("SERVEFLOW_MAX_FLOW_BYTES and SERVEFLOW_MAX_FINISHED must not be negative")
	case s.ReloadEvery < 0:
		return fmt.Errorf("SERVEFLOW_RELOAD_EVERY is %v: choose a time above 0, or 0 to look only on SIGHUP", s.ReloadEvery)
	case s.MaxPinRecords < 1:
		return fmt.Errorf("SERVEFLOW_MAX_PIN_RECORDS is %d: choose at least 1", s.MaxPinRecords)
	case s.SinkQueue < 1:
		return fmt.Errorf("SERVEFLOW_SINK_QUEUE is %d: choose at least 1", s.SinkQueue)
	case !(s.ShadowShare >= 0 && s.ShadowShare <= 1):
		return fmt.Errorf("SERVEFLOW_SHADOW_SHARE is %v: choose a number from 0 to 1", s.ShadowShare)
	case s.Adapt != "on" && s.Adapt != "off":
		return fmt.Errorf("SERVEFLOW_ADAPT is %q: choose on or off", s.Adapt)
	case s.LogFormat != "text" && s.LogFormat != "json":
		return fmt.Errorf("SERVEFLOW_LOG_FORMAT is %q: choose text or json", s.LogFormat)
	}
	return nil
}
