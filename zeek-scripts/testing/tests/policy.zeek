# @TEST-DOC: The policy hook leaves records out.
#
# @TEST-EXEC: zeek -C -r $TRACES/tcp.pcap $PACKAGE %INPUT LogAscii::use_json=T
# @TEST-EXEC: btest-diff serveflow.log

hook ServeFlow::log_policy(rec: ServeFlow::Info, id: Log::ID,
    filter: Log::Filter)
	{
	if ( rec$ev == "pkt" && ! rec$is_orig )
		break;
	}
