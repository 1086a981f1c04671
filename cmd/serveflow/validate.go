package main

import (
	"errors"
	"fmt"
	"slices"
)

// validateWithCascade checks what validate does, and the settings of the slow stage.
func (s *Settings) validateWithCascade() error {
	return errors.Join(s.validate(), s.cascade().Validate())
}

// validate checks the settings that no part checks for itself.
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
	case s.LatestTopic != "" && slices.Contains([]string{s.Topic, s.LabelTopic, s.DeadLetterTopic, s.RekeyFrom, s.RekeyTo}, s.LatestTopic):
		return fmt.Errorf("SERVEFLOW_LATEST_TOPIC=%s is used for something else too: choose a topic of its own", s.LatestTopic)
	case s.LabelTopic == s.DeadLetterTopic:
		return fmt.Errorf("SERVEFLOW_LABEL_TOPIC and SERVEFLOW_DEAD_LETTER_TOPIC must differ: both are %s", s.LabelTopic)
	case s.LabelTopic == s.Topic || s.DeadLetterTopic == s.Topic:
		return fmt.Errorf("SERVEFLOW_TOPIC, SERVEFLOW_LABEL_TOPIC and SERVEFLOW_DEAD_LETTER_TOPIC must differ: %s is used twice", s.Topic)
	case !(s.ShadowShare >= 0 && s.ShadowShare <= 1):
		return fmt.Errorf("SERVEFLOW_SHADOW_SHARE is %v: choose a number from 0 to 1", s.ShadowShare)
	case s.Adapt != "on" && s.Adapt != "off":
		return fmt.Errorf("SERVEFLOW_ADAPT is %q: choose on or off", s.Adapt)
	case s.LogFormat != "text" && s.LogFormat != "json":
		return fmt.Errorf("SERVEFLOW_LOG_FORMAT is %q: choose text or json", s.LogFormat)
	}
	return nil
}
