package main

// What several commands take, in the same words.
const (
	compressed    = ", compressed or not (zstd, gzip, bzip2)"
	recordFiles   = "a log of Zeek with the records, JSON or TSV" + compressed + "; - is standard input"
	untilStopped  = "it was told to stop, and everything under way was written"
	cannotStart   = "bad settings or arguments, or a bundle that fails a check: nothing was started"
	recordsFailed = "a file that is damaged, or records in it that cannot be read: all others were read"
)

// commands are all subcommands, with the words that their help, README and docs/commands.md
// have in common. A flag is described where it is declared; the settings that a command
// reads are found in the code (settings_read.go).
func commands() []command {
	return []command{
		{
			name: "run", run: run,
			about: "labels the flows of a Kafka topic until it is told to stop",
			does: []string{
				"It reads packet records, puts flows together by uid, and asks the bundle's models about each flow. Labels go to the label topic, and records that cannot be read go to the dead-letter topic. The topics must exist: no command creates one.",
				"SIGTERM or an interrupt drains: labels under way are written, offsets are committed, and the member leaves the group. A second signal ends it at once. Several members share the partitions of the topic if they have the same group.",
			},
			exits:   exits{untilStopped, "a failure while running, such as a topic that is missing", cannotStart},
			example: "SERVEFLOW_BROKERS=kafka1:9092 serveflow run --check   # what is wrong with the settings\nSERVEFLOW_BROKERS=kafka1:9092 serveflow run",
		},
		{
			name: "ship", args: "PATH...", run: shipCommand,
			about: "follows Zeek's logs and writes their records to the input topic, keyed by uid",
			does: []string{
				"It follows JSON and TSV logs while they grow and rotate, and remembers in the state file how much of each Kafka has. So a kill, a broker that is down or a full disk loses nothing. Archives and standard input are written whole; it ends by itself when nothing is left to follow.",
				"It merges the files that it is given in record time, so that the loggers of one sensor may share a flow's records: name the file of each to one ship.",
			},
			takes:   []argument{{"PATH", "a log to follow, such as /opt/zeek/logs/current/serveflow.log or conn.log; an archive (zstd, gzip, bzip2); a FIFO; - is standard input"}},
			exits:   exits{"it was told to stop, or all input was at its end; everything read was written", "a failure while running, such as a topic that is missing", "bad settings or arguments, or another ship that uses the state file: nothing was started"},
			example: "serveflow ship /opt/zeek/logs/current/serveflow.log",
		},
		{
			name: "rekey", args: "[TOPIC]", run: rekey,
			about: "writes the records of a topic without keys to one keyed by uid",
			does: []string{
				"For producers that set no key: a flow's records then lie on several partitions. It merges the partitions in record time and writes each record to TOPIC.by-uid, with its uid as the key, until it is told to stop. serveflow run --rekey does the same beside the labelling, in one process.",
			},
			takes:   []argument{{"TOPIC", "the topic without keys; without it, that of SERVEFLOW_REKEY_FROM"}},
			exits:   exits{untilStopped, "a failure while running, such as a topic that is missing", ""},
			example: "serveflow rekey serveflow.packets   # writes serveflow.packets.by-uid",
		},
		{
			name: "replay", args: "FILE...", run: replay,
			about: "labels the flows of record files, without Kafka",
			does: []string{
				"It prints label records as JSON lines. The same records give the same labels each time: where run would give a fast answer because the slow stage is full, replay waits. Which records make flows, the Zeek package's or those of conn.log, the bundle says. Records that cannot be read are named on standard error, and those of other logs are counted there.",
			},
			takes:   []argument{{"FILE", recordFiles}},
			exits:   exits{"", recordsFailed, cannotStart},
			example: "serveflow pcap traffic.pcap | serveflow replay -",
		},
		{
			name: "send", args: "FILE...", run: send,
			about: "writes record files to the input topic, at their recorded pace",
			does: []string{
				"Each record is keyed by its uid, and due at its time; one of conn.log when its connection ends. It ends when Kafka has acknowledged every record. Lines that are no records are not sent, but named on standard error.",
				"A flow that was labelled a short while ago is known, and sending it a second time gives no second label. With --again its records carry another uid and sensor, so it is a new flow.",
			},
			takes:   []argument{{"FILE", recordFiles}},
			exits:   exits{"", "a failure while running; or a file that is damaged, or lines that are no records: all others were sent", ""},
			example: "serveflow send --speed 10 testdata/records/lab.jsonl.zst",
		},
		{
			name: "labels", run: showLabels,
			about: "shows the labels of a label topic as they are written",
			does: []string{
				"It prints a label a line, in columns: when the flow's first packet was, its two sides, its label and how sure the cascade is, which stage answered and why, how many packets it had seen, and how long it had waited for them. It is in no consumer group: it takes nothing away from other readers, and commits nothing.",
			},
			exits:   exits{"it was told to stop, or N labels were shown", "the topic is missing, or no broker answers", ""},
			example: "serveflow labels --from beginning --label dns,tls_other --host 10.0.0.0/8",
		},
		{
			name: "pcap", args: "FILE...", run: pcap,
			about: "turns captures into the records that the Zeek package writes",
			does: []string{
				"It prints packet and end records as JSON lines, or records of conn.log. So a capture can be labelled without Zeek.",
				"Its last line on standard error counts the packets, the flows, and the packets that were left out, by reason. A capture that cannot be read to the end is named there, and the others are read.",
			},
			takes:   []argument{{"FILE", "a capture, pcap or pcapng" + compressed + "; - is standard input"}},
			exits:   exits{"", "a capture is damaged or holds no packets: what came before the fault was written, and all of the others", ""},
			example: "serveflow pcap traffic.pcap | serveflow replay -",
		},
		{
			name: "features", args: "FILE...", run: features,
			about: "prints the features that the cascade would see, for training",
			does: []string{
				"It prints CSV: a row for each flow, with its uid, addresses, the time of its first packet, why it was decided, and its features.",
			},
			takes:   []argument{{"FILE", recordFiles}},
			exits:   exits{"", recordsFailed, ""},
			example: "serveflow features --depth 2 testdata/records/lab.jsonl.zst >features.csv",
		},
		{
			name: "label", args: "RECORDS...", run: labelCommand,
			about: "labels recorded flows by what other programs say of them, for training",
			does: []string{
				"It prints CSV: a row for each flow with a label, with its uid, 5-tuple, the time of its first packet, the label, and the source that gave it. Sources are named by --from, once for each; where two disagree about a flow, the one that is named first holds. They find flows by uid, or by 5-tuple and time. Nothing leaves the machine.",
				"What did not match is counted on standard error, with the reason. The kinds of sources, and how their names become classes: docs/own-model.md.",
			},
			takes:   []argument{{"RECORDS", "the flows that are to be labelled: the Zeek package's records or conn.log, JSON or TSV" + compressed + "; - is standard input"}},
			exits:   exits{"", "a file that is damaged, or lines in it that cannot be read: what came of all others was written; or no flow got a label", "bad arguments, or a source of another form than its kind: nothing was written"},
			example: "serveflow label --from conn:conn.log --from ssl:ssl.log --map classes.csv serveflow.log >labels.csv",
		},
		{
			name: "eval", args: "FILE...", run: eval,
			about: "judges a bundle on flows whose label is known",
			does: []string{
				"It labels the records as replay does, finds the known flows among them by uid or by 5-tuple and time, and says how right the labels are, how long they took in record time, how sure they were, and how the cascade compares with each of its stages alone. Each figure has the interval of a bootstrap over captures.",
				"A known flow that got no label counts as wrong. The records are held in memory, some 400 bytes a packet. docs/eval.md says what each figure means, and the names of --json.",
			},
			takes:   []argument{{"FILE", recordFiles + "; or a capture, pcap or pcapng" + compressed}},
			exits:   exits{"", recordsFailed, cannotStart},
			example: "serveflow eval --labels testdata/captures/lab.labels.csv --html eval.html testdata/records/lab.jsonl.zst",
		},
		{
			name: "calibrate", args: "FILE...", run: calibrateCommand,
			about: "chooses a bundle's rules for flows whose label is known, and writes a bundle that has them",
			does: []string{
				"It chooses thresholds, bounds of hazards and patience; the models stay as they are. The serving code labels the records once for each choice, with models that remember their answers. It says how sure the promise is: by a bootstrap over captures that did not choose, or, for a risk, by a test on half of the captures.",
				"Where it is enough to know the family of a class, --families chooses for that, with the families' thresholds among the rules. Labels stay classes.",
				"The new bundle has a version and a digest of its own, and a page with the choices, calibrated.html. docs/calibrate.md says what each target means.",
			},
			takes:   []argument{{"FILE", recordFiles + "; or a capture, pcap or pcapng" + compressed}},
			exits:   exits{"the new bundle is written, and passed every check", recordsFailed + ", and the bundle is written; or it could not be", cannotStart + "; or too few flows are labelled"},
			example: "serveflow calibrate --labels testdata/captures/lab.labels.csv --target loss=0.01 --out mine testdata/records/lab.jsonl.zst",
		},
		{
			name: "bundle", args: "verify DIR...", run: bundleCommand,
			about: "checks bundles as run would, in a process of its own",
			does: []string{
				"It checks the manifest, files, digests and shapes, and that the models give the scores that the training library gave. It prints what it checked.",
			},
			takes:   []argument{{"DIR", "the folder of a bundle, with its manifest.json"}},
			exits:   exits{"every bundle passed", "a bundle fails a check: the file, the reason and the remedy are named", ""},
			example: "serveflow bundle verify bundles/service",
		},
		{
			name: "doctor", run: doctorCommand,
			about: "looks at a running cluster, and says what is wrong there and how to mend it",
			does: []string{
				"It asks the brokers, samples the newest records of the input topic, and loads the bundle. It changes nothing. Each finding has its evidence and a remedy.",
			},
			exits:   exits{"all is well", "there is a fault or a warning", "bad settings or arguments, or it could not look"},
			example: "SERVEFLOW_BROKERS=kafka1:9092 serveflow doctor",
		},
		{
			name: "demo", run: runDemo,
			about: "labels recorded traffic on a broker of its own, beside the slow model alone",
			does: []string{
				"It replays half a minute of packet records at their recorded pace, shows labels as they come, and compares the cascade with the slow model. Run it in the root of the repository, where its default files are.",
			},
			exits:   exits{"", "", cannotStart},
			example: "serveflow demo --speed 4 --json",
		},
		{
			name: "config", run: configCommand,
			about:   "prints every setting with its default and meaning",
			does:    []string{"Settings are environment variables. A variable that begins with SERVEFLOW_ and is no setting is refused by every command that reads settings."},
			example: "serveflow config | grep SLOW",
		},
		{
			name: "health", run: health,
			about:   "asks a running serveflow whether it is ready",
			does:    []string{"It asks /readyz at the port of the admin address on this machine, for health checks where no other client is at hand. To ask a ship or a rekey, give it their address as SERVEFLOW_ADMIN."},
			exits:   exits{"it is ready", "it is not ready, and the reason is printed; or nothing answers", ""},
			example: "serveflow health || serveflow doctor",
		},
		{
			name: "version", run: version,
			about:   "prints the version, its commit, and the schemas that it speaks",
			does:    []string{"A commit with \"(modified)\" was built with changes that are not in it."},
			example: "serveflow version",
		},
	}
}
