# @TEST-DOC: Without a filter nothing is written and no event is handled.
#
# @TEST-EXEC: zeek -C -r $TRACES/tcp.pcap $PACKAGE %INPUT >out
# @TEST-EXEC: test ! -e serveflow.log && test -e conn.log
# @TEST-EXEC: btest-diff out

event zeek_init()
	{
	Log::remove_default_filter(ServeFlow::LOG);
	}

event zeek_done()
	{
	local handled = 0;

	for ( _, m in Telemetry::collect_metrics("zeek",
	    "event_handler_invocations*") )
		if ( m$label_values[0] == "conn_generic_packet_threshold_crossed" )
			++handled;

	print fmt("handlers called: %d", handled);
	}
