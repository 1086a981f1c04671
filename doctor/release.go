package doctor

import "github.com/twmb/franz-go/pkg/kmsg"

// level is a version of something in Kafka, and the first release that has it.
type level struct {
	level int16
	name  string
}

// levels are the versions of metadata.version, oldest first.
var levels = []level{
	{1, "3.0"}, {2, "3.1"}, {3, "3.2"}, {4, "3.3"}, {8, "3.4"}, {9, "3.5"}, {12, "3.6"}, {15, "3.7"},
	{20, "3.8"}, {21, "3.9"}, {22, "4.0"}, {26, "4.1"}, {28, "4.2"}, {30, "4.3"}, {31, "4.4"},
}

// fetchLevels are the versions of Fetch, for brokers that have no metadata.version.
var fetchLevels = []level{
	{0, "0.10"}, {4, "0.11"}, {6, "1.0"}, {7, "1.1"}, {8, "2.0"}, {10, "2.1"}, {11, "2.3"}, {12, "2.7"},
	{13, "3.1"}, {14, "3.5"}, {16, "3.7"}, {17, "3.9"}, {18, "4.1"},
}

// release guesses a broker's release from the requests and features that it supports,
// because a broker does not tell its release. Empty where that gives no hint.
func release(resp *kmsg.ApiVersionsResponse) string {
	for _, f := range resp.SupportedFeatures {
		if f.Name == "metadata.version" {
			return atLevel(levels, f.MaxVersion)
		}
	}
	const fetch = 1
	for _, key := range resp.ApiKeys {
		if key.ApiKey == fetch {
			return atLevel(fetchLevels, key.MaxVersion) + " or newer"
		}
	}
	return ""
}

func atLevel(levels []level, at int16) (name string) {
	for _, l := range levels {
		if l.level <= at {
			name = l.name
		}
	}
	return name
}
