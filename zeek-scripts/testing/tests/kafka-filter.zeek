# @TEST-DOC: With the zeek-kafka plugin the stream has one filter, with the topic. A stand-in for the writer's name.
#
# @TEST-EXEC: zeek -C -r $TRACES/tcp.pcap writer.zeek $PACKAGE/kafka.zeek show.zeek >out 2>err
# @TEST-EXEC: btest-diff out
# @TEST-EXEC: test ! -e serveflow.log
# @TEST-START-FILE writer.zeek
module Log;

export {
	redef enum Log::Writer += { WRITER_KAFKAWRITER = 99 };
}
# @TEST-END-FILE
# @TEST-START-FILE show.zeek
event zeek_init() &priority=-50
	{
	print Log::get_filter_names(ServeFlow::LOG);
	local filter = Log::get_filter(ServeFlow::LOG, "serveflow-kafka");
	print filter$writer, filter$config;
	}
	# @TEST-END-FILE
