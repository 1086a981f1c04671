##! Writes a record for each of a flow's first packets, and one for its end.

@load base/frameworks/logging
@load base/protocols/conn
@load ./depth
@load ./frame
@load ./header
@load ./select

module ServeFlow;

export {
	redef enum Log::ID += { LOG };

	## One record of the stream: a packet's, or a flow's end.
	type Info: record {
		## pkt, or end.
		ev: string &log;
		## Time of the packet; in an end record, of the flow's last packet.
		ts: time &log;
		## Zeek's connection.
		uid: string &log;
		## Its two ends, as Zeek takes them when the record is written.
		id: conn_id &log;
		## Its transport protocol.
		proto: transport_proto &log;

		## pkt: the packet's place in the flow, from 1, both directions
		## together.
		n: count &log &optional;
		## pkt: sent by the originator.
		is_orig: bool &log &optional;
		## pkt: IP total length, bytes.
		ip_len: count &log &optional;
		## pkt: payload length, bytes.
		plen: count &log &optional;
		## pkt: TTL or hop limit.
		ttl: count &log &optional;
		## pkt: TCP flags.
		flags: count &log &optional;
		## pkt: TCP window as in the header.
		win: count &log &optional;
		## pkt: base64 of the IP header and the TCP, UDP or ICMP header
		## with options; no payload.
		hdr: string &log &optional;
		## pkt: why hdr is missing or short: frag, tunnel, l2, snap.
		hdr_why: string &log &optional;

		## end: as in conn.log, as all up to resp_bytes.
		duration: interval &log &optional;
		service: string &log &optional;
		conn_state: string &log &optional;
		history: string &log &optional;
		orig_pkts: count &log &optional;
		resp_pkts: count &log &optional;
		orig_ip_bytes: count &log &optional;
		resp_ip_bytes: count &log &optional;
		orig_bytes: count &log &optional;
		resp_bytes: count &log &optional;
		## end: how many packet records were written for the flow.
		sent: count &log &optional;
	};

	## A hook to leave records out or to change them.
	global log_policy: Log::PolicyHook;

	## Raised for each record that is written.
	global log_serveflow: event(rec: Info);

	## What is kept of a flow that gets records.
	type Flow: record {
		## Packet records written.
		sent: count &default=0;
		## The originator's packets among them.
		orig_pkts: count &default=0;
		## Where its frames hold the IP header.
		frames: Frames &optional;
	};
}

redef record connection += {
	serveflow: ServeFlow::Flow &optional;
};

event zeek_init() &priority=5
	{
	Log::create_stream(LOG, Log::Stream($columns=Info, $ev=log_serveflow,
	    $path="serveflow", $policy=log_policy, $event_groups=set(
	    "serveflow")));
	}

# Nobody reads the stream: not even the work is done.
event zeek_init() &priority=-100
	{
	if ( |Log::get_filter_names(LOG)| == 0 )
		Log::disable_stream(LOG);
	}

# Header bytes of the packet that Zeek is working on.
function add_header(rec: Info, flow: Flow)
	{
	local frame = get_current_packet()$data;
	local from = rec$is_orig ? rec$id$orig_h : rec$id$resp_h;
	local to = rec$is_orig ? rec$id$resp_h : rec$id$orig_h;

	if ( ! flow?$frames )
		flow$frames = find_header(frame, from, to);
	local at = flow$frames$at;
	if ( at < 0 )
		{
		rec$hdr_why = "l2";
		return;
		}
	local header = header_at(frame, int_to_count(at), rec$proto);
	rec$hdr = encode_base64(header$bytes);
	if ( header?$why )
		rec$hdr_why = header$why;
	}

event conn_generic_packet_threshold_crossed(c: connection, threshold: count)
    &group="serveflow"
	{
	if ( threshold > depth )
		return;

	if ( threshold == 1 )
		{
		if ( ! chosen(c) )
			return;
		c$serveflow = Flow();
		}

	# Out, or Zeek was told in its midst to write it.
	if ( ! c?$serveflow || c$serveflow$sent + 1 != threshold )
		return;

	local flow = c$serveflow;
	local is_orig = c$orig$num_pkts > flow$orig_pkts;
	flow$orig_pkts = c$orig$num_pkts;
	flow$sent = threshold;
	local rec = Info($ev="pkt", $ts=get_current_packet_ts(), $uid=c$uid, $id=c$id,
	    $proto=get_port_transport_proto(c$id$resp_p), $n=threshold,
	    $is_orig=is_orig);
	add_header(rec, flow);
	Log::write(LOG, rec);
	}

# Zeek takes the originator for the responder from now on: so do its counts.
event connection_flipped(c: connection) &group="serveflow"
	{
	if ( c?$serveflow )
		c$serveflow$orig_pkts = c$serveflow$sent - c$serveflow$orig_pkts;
	}

# Behind base/protocols/conn, which fills c$conn at priority 5.
event connection_state_remove(c: connection) &priority=-5 &group="serveflow"
	{
	if ( ! c?$serveflow )
		return;

	local conn = c$conn;
	local rec = Info($ev="end", $ts=c$start_time + c$duration, $uid=c$uid,
	    $id=c$id, $proto=conn$proto, $sent=c$serveflow$sent);
	if ( conn?$duration )
		rec$duration = conn$duration;
	if ( conn?$service )
		rec$service = conn$service;
	if ( conn?$conn_state )
		rec$conn_state = conn$conn_state;
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
	Log::write(LOG, rec);
	}
