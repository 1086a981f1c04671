# @TEST-DOC: A share of flows, by a hash of the uid: whole flows are in or out, and those out are counted.
#
# @TEST-EXEC: zeek -C -r $TRACES/many.pcap $PACKAGE %INPUT LogAscii::use_json=T ServeFlow::sample_rate=0.05 >out
# @TEST-EXEC: btest-diff serveflow.log
# @TEST-EXEC: btest-diff out

event zeek_done()
	{
	for ( _, m in Telemetry::collect_metrics("serveflow", "flows_left_out*") )
		print m$label_values, m$value;
	}
