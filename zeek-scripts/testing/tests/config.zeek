# @TEST-DOC: Options change while Zeek runs; flows that have begun are not cut off.
#
# @TEST-EXEC: zeek -C -r $TRACES/payload.pcap $PACKAGE %INPUT LogAscii::use_json=T
# @TEST-EXEC: btest-diff serveflow.log

event new_connection(c: connection)
	{
	Config::set_value("ServeFlow::protocols", set(tcp));
	}
