# @TEST-DOC: The log event is raised for each record, and the header bytes hold no payload.
#
# @TEST-EXEC: zeek -C -r $TRACES/payload.pcap $PACKAGE %INPUT >out
# @TEST-EXEC: btest-diff out

event ServeFlow::log_serveflow(rec: ServeFlow::Info)
	{
	if ( rec$ev == "end" )
		print rec$ev, rec$id$resp_p, rec$sent;
	else
		print rec$ev, rec$id$resp_p, rec$n, |decode_base64(rec$hdr)|, "SECRET" in
		    decode_base64(rec$hdr);
	}
