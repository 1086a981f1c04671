package main

import (
	"fmt"
	"strings"
)

// topicUse is what a topic is read or written for.
type topicUse struct {
	topic   string
	setting string // that names it
	task    string // whose it is; empty: that of all
	shadow  bool   // of the task's second bundle
}

// String names it in an error.
func (u topicUse) String() string {
	switch {
	case u.shadow:
		return u.setting + " of the shadow of task " + u.task
	case u.task != "":
		return u.setting + " of task " + u.task
	}
	return u.setting
}

// inputTopics are those of the records: of those that are read, and of those that cannot be.
func (s *Settings) inputTopics() []topicUse {
	return []topicUse{{topic: s.Topic, setting: "SERVEFLOW_TOPIC"}, {topic: s.DeadLetterTopic, setting: "SERVEFLOW_DEAD_LETTER_TOPIC"}}
}

// rekeyTopics are those that rekeying reads and writes.
func (s *Settings) rekeyTopics() []topicUse {
	return []topicUse{{topic: s.RekeyFrom, setting: "SERVEFLOW_REKEY_FROM"}, {topic: s.RekeyTo, setting: "SERVEFLOW_REKEY_TO"},
		{topic: s.DeadLetterTopic, setting: "SERVEFLOW_DEAD_LETTER_TOPIC"}}
}

// runTopics are those that run reads and writes.
func (s *Settings) runTopics(all tasks) []topicUse {
	if s.RekeyFrom != "" {
		return append(s.rekeyTopics(), all.topics()...)
	}
	return append(s.inputTopics(), all.topics()...)
}

// topics are those that the tasks and their shadows write.
func (all tasks) topics() (uses []topicUse) {
	for _, t := range all {
		s := t.settings
		uses = append(uses, topicUse{topic: s.LabelTopic, setting: "SERVEFLOW_LABEL_TOPIC", task: s.Task})
		if s.LatestTopic != "" {
			uses = append(uses, topicUse{topic: s.LatestTopic, setting: "SERVEFLOW_LATEST_TOPIC", task: s.Task})
		}
	}
	for _, t := range all.shadows() {
		uses = append(uses, topicUse{topic: t.settings.LabelTopic, setting: "SERVEFLOW_LABEL_TOPIC", task: t.settings.Task, shadow: true})
	}
	return uses
}

// latestTopics are those of them that hold a flow's latest label.
func (all tasks) latestTopics() (topics []string) {
	for _, s := range all.settings() {
		if s.LatestTopic != "" {
			topics = append(topics, s.LatestTopic)
		}
	}
	return topics
}

// named are the tasks as the settings name them, for commands that load no bundle. Where the
// folder is set, its name does not tell the task, so that a label topic which is not set stays open.
func (s *Settings) named() (all tasks) {
	for _, name := range s.names() {
		own := *s
		own.setFor(name)
		if s.Bundle == "" || strings.Contains(s.Bundle, taskPlace) {
			own.retask(name)
		}
		all = append(all, task{settings: &own})
	}
	return all
}

// checkTopics refuses topics of a command that loads no bundle, where they are used for two
// things, or for labels too.
func (s *Settings) checkTopics(uses []topicUse) error {
	return differ(append(uses, s.named().topics()...))
}

// differ refuses a topic that is used for two things: labels would be read as records, or
// read back as those of another task.
func differ(uses []topicUse) error {
	of := map[string]topicUse{}
	for _, u := range uses {
		if other, used := of[u.topic]; used {
			return usageError{fmt.Errorf("%s and %s must differ, and both are %s: name another topic by one of them", other, u, u.topic)}
		}
		of[u.topic] = u
	}
	return nil
}

// bySetting gives each topic with the setting that names it, for the preflight.
func bySetting(uses []topicUse) map[string]string {
	topics := map[string]string{}
	for _, u := range uses {
		topics[u.topic] = u.setting
		if u.shadow {
			topics[u.topic] += ", or empty SERVEFLOW_SHADOW"
		}
	}
	return topics
}
