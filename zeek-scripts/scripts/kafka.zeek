##! Sends the records to Kafka by the zeek-kafka plugin (seisollc/zeek-kafka).
##! The plugin gives records no key: put "serveflow rekey" behind it.
##!
##! Brokers are the plugin's to know:
##!
##!     redef Kafka::kafka_conf += { ["metadata.broker.list"] = "kafka1:9092" };

@load ./main
@load ./packets
@load ./ends
@load ./flush

module ServeFlow;

export {
	## The topic that records are written to.
	const kafka_topic = "serveflow.packets" &redef;

	## Whether Zeek's own serveflow.log is written, too.
	const kafka_and_file = F &redef;
}

@ifdef ( Log::WRITER_KAFKAWRITER )
event zeek_init() &priority=-10
	{
	if ( ! kafka_and_file )
		Log::remove_default_filter(LOG);

	Log::add_filter(LOG, Log::Filter($name="serveflow-kafka",
	    $writer=Log::WRITER_KAFKAWRITER, $config=table(["topic_name"] =
	    kafka_topic)));
	}
@else
event zeek_init()
	{
	Reporter::error("serveflow/kafka.zeek was loaded, but the zeek-kafka plugin is not there. Install it (zkg install seisollc/zeek-kafka) and see that zeek -N Seiso::Kafka lists it");
	}
@endif
