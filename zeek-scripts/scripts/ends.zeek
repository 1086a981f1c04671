##! The record of a flow's end: how many packet records there are, and what
##! conn.log says of it.

@load base/protocols/conn
@load ./flush
@load ./main

module ServeFlow;

function add_conn(rec: Info, c: connection)
	{
	local conn = c$conn;
	rec$id = c$id;

	if ( conn?$duration )
		rec$duration = conn$duration;

	if ( conn?$service )
		rec$service = conn$service;

	if ( conn?$history )
		rec$history = conn$history;

	if ( conn?$orig_pkts )
		{
		rec$orig_pkts = conn$orig_pkts;
		rec$resp_pkts = conn$resp_pkts;
		rec$orig_ip_bytes = conn$orig_ip_bytes;
		rec$resp_ip_bytes = conn$resp_ip_bytes;
		}

	if ( conn?$orig_bytes )
		{
		rec$orig_bytes = conn$orig_bytes;
		rec$resp_bytes = conn$resp_bytes;
		}
	}

# Behind base/protocols/conn, which fills c$conn at priority 5.
event connection_state_remove(c: connection) &priority=-5 &group="serveflow"
	{
	if ( ! c?$serveflow )
		return;

	local rec = Info($ev="end", $ts=c$start_time + c$duration, $uid=c$uid,
	    $proto=c$serveflow$proto, $sent=c$serveflow$sent);

	if ( sensor != "" )
		rec$sensor = sensor;

	if ( c$conn?$conn_state )
		rec$conn_state = c$conn$conn_state;

	if ( form != COMPACT )
		add_conn(rec, c);

	Log::write(LOG, rec);
	written();
	}
