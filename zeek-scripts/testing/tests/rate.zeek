# @TEST-DOC: New flows a second: those beyond it are left out, counted and told.
#
# @TEST-EXEC: zeek -C -r $TRACES/many.pcap $PACKAGE %INPUT LogAscii::use_json=T ServeFlow::max_flows_per_second=4 >out
# @TEST-EXEC: btest-diff serveflow.log
# @TEST-EXEC: btest-diff out
# @TEST-EXEC: grep -c "ServeFlow left out .* flows: more than max_flows_per_second = 4" reporter.log >told && grep -qx 2 told

event zeek_done()
	{
	for ( _, m in Telemetry::collect_metrics("serveflow", "flows_left_out*") )
		print m$label_values, m$value;
	}
